//! What the chain has to end in.

/// The end-state equations of PROTOCOL.md §9.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndState {
    /// `t_Z = σ`: the claims `s, c, d` are those that `σ` follows.
    TZ,
    /// `t_AB = τ`: the claims `a, b` are those that `τ` follows.
    TAb,
    /// `dig`: the words are the verifier's own.
    Dig,
    /// `claim = v_open`: OPEN's last claim is `Σ col(z)·E_col(z)`.
    Claim,
    /// `σ^l = σ^(L*)`.
    SigmaPower,
    /// `ρ^(4l) = ρ^(4L*)`.
    RhoPower,
    /// `balZ = 0`: LOOKUP starts from the claims `s, c, d`.
    BalZ,
    /// `balS = 0`: CONTRACT starts from the claims `s`.
    BalS,
    /// `balF = 0`: CONTRACT ends in the claims `a, b`.
    BalF,
    /// `balV = 0`: OPEN starts from all claims.
    BalV,
}

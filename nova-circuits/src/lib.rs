//! Placeholder until the circuit lands.
pub mod cycle {
    //! The curve cycle.
    use nova_snark::traits::Engine;
    /// Primary engine.
    pub type Primary = nova_snark::provider::PallasEngine;
    /// The field.
    pub type F = <Primary as Engine>::Scalar;
}
pub mod step {
    //! The step circuit.
    /// S.
    pub const SLOTS: usize = 12;
    /// Q.
    pub const ROUNDS: usize = 16;
}

"""An executable model of committed steps (../protocol.md, §5): claims and sumchecks over small random tables, committed messages, steps as R1CS,
folding in a tree, both of Spartan's sumchecks, the last argument with powers of mu, and cheating provers.  Points are explicit vectors over named
generators, so that components on foreign generators can be expressed.  Sizes are small (3 slots, 4 rounds, 3 variables of the columns); the slack of the
random instance is free here, which the protocol fixes to 0.  FLAGS turn on weakened readings of the page, under which attacks.py succeeds.
Run it: it ends with a line for every cheat and the check that refuses it."""
import hashlib, random
q = 0x40000000000000000000000000000000224698fc0994a8dd8c46eb2100000001
rnd = random.Random(5)
F = lambda: rnd.randrange(q)
FLAGS=set()   # weakened readings of the page
S, Q, NV = 3, 4, 3                                   # slots and rounds of a step, variables of the columns
COLS = ['Y', 'P', 'R1', 'R0', 'F0', 'F1', 'F2', 'M', 'HT']
PRODUCTS = [('F0', 'P'), ('F0', 'Y'), ('F1', 'R0'), ('F2', 'R1')]

class Refused(Exception): pass
def demand(check, ok):
    if not ok: raise Refused(check)

# ---- small algebra
def eq(p, i): 
    v = 1
    for j, x in enumerate(p): v = v * (x if i >> j & 1 else 1 - x) % q
    return v
def table(p): return [eq(p, i) for i in range(1 << len(p))]
def dot(a, b): return sum(x * y for x, y in zip(a, b)) % q
def bind(t, c): return [(t[i] + c * (t[i + 1] - t[i])) % q for i in range(0, len(t), 2)]
def cubic(values):                                   # g(0..3) -> g0, g2, g3
    y0, y1, y2, y3 = values; i2, i6 = pow(2, -1, q), pow(6, -1, q)
    g3 = (y3 - 3 * y2 + 3 * y1 - y0) * i6 % q
    g2 = ((y2 - 2 * y1 + y0) * i2 - 3 * g3) % q
    return [y0, g2, g3]

class Point(dict):
    """Generator -> coefficient. 'H' carries the blind."""
    def plus(self, other, by=1):
        out = Point(self)
        for g, x in other.items(): out[g] = (out.get(g, 0) + by * x) % q
        return out
    def clean(self): return {g: x for g, x in self.items() if x % q}

class Transcript:
    def __init__(self): self.h = b''
    def absorb(self, label, thing):
        if isinstance(thing, Point): thing = sorted(map(str, thing.clean().items()))
        self.h = hashlib.shake_256(self.h + label.encode() + repr(thing).encode()).digest(64)
    def challenge(self, label):
        self.absorb(label, 'challenge'); return int.from_bytes(self.h, 'little') % q

# ---- the layout of a step's W: segments, in order, with their ranges
SEGMENTS = [('Z', 3 * S), ('A', 2 * S)] + [(f'R{j}', 3) for j in range(Q)] + [('E', 9), ('D', 1), ('V', S + 4 + 6 * S + 3 * Q + 13)]
RANGE, at = {}, 0
for name, size in SEGMENTS: RANGE[name] = range(at, at + size); at += size
NW = at; NE = S + 4 + 6 * S + 3 * Q + 13 + 1           # variables; constraints
def z_(k, slot): return RANGE['Z'][3 * slot + 'scd'.index(k)]
def a_(k, slot): return RANGE['A'][2 * slot + 'ab'.index(k)]
P_ = lambda slot: RANGE['V'][slot]
Q_ = lambda i: RANGE['V'][S + i]
N_ = lambda k: RANGE['V'][S + 4 + k]
def e_(col): return RANGE['E'][COLS.index(col)]
MESSAGES = [v for l in range(S) for v in (z_('s', l), z_('c', l), z_('d', l), a_('a', l), a_('b', l), P_(l))] \
    + [i for j in range(Q) for i in RANGE[f'R{j}']] + list(RANGE['E']) + [Q_(i) for i in range(4)]   # one word each

def products(w, u, x):
    """Az, Bz, Cz of the step's constraints."""
    a, b, c = [], [], []
    def con(l, r, o): a.append(l % q); b.append(r % q); c.append(o % q)
    for l in range(S): con(w[a_('a', l)], w[a_('b', l)], w[P_(l)])
    for i, (f, g) in enumerate(PRODUCTS): con(w[e_(f)], w[e_(g)], w[Q_(i)])
    for k, m in enumerate(MESSAGES): con(x[k], w[m], w[N_(k)])
    con(u, w[RANGE['D'][0]], sum(w[N_(k)] for k in range(len(MESSAGES))))
    return a, b, c
def residue(w, u, x): a, b, c = products(w, u, x); return [(i * j - u * k) % q for i, j, k in zip(a, b, c)]
def cross(w1, u1, x1, w2, u2, x2):
    a1, b1, c1 = products(w1, u1, x1); a2, b2, c2 = products(w2, u2, x2)
    return [(p * s + r * t - u1 * v - u2 * o) % q for p, s, r, t, o, v in zip(a1, b2, a2, b1, c1, c2)]

def commit(segment, values, extra=None):
    p = Point({g: v % q for g, v in zip(RANGE[segment], values)}); p['H'] = F()
    for g, v in (extra or {}).items(): p[g] = (p.get(g, 0) + v) % q
    return p
def commit_e(values): p = Point({('e', i): v for i, v in enumerate(values)}); p['H'] = F(); return p

# ---- a network as claims about columns
class Network:
    def __init__(self, L):
        self.L = L; n = 1 << NV
        self.bits = [rnd.choice([0, 1, 2]) for _ in range(L)]; self.nc = max(self.bits)
        vec = lambda: [rnd.randrange(-5, 6) for _ in range(n)]
        self.ma = [[vec() for _ in range(1 << k)] for k in self.bits]; self.mb = [[vec() for _ in range(1 << k)] for k in self.bits]
        self.fc = [vec() for _ in range(L)]; self.fd = [vec() for _ in range(L)]
        self.m = [[rnd.randrange(9) for _ in range(3)] for _ in range(L)]; self.theta = [F() for _ in range(L)]
        self.public = {k: vec() for k in ('tag', 'act', 'Tin', 'Tout', 'Ttag')}
        self.rounds = self.nc + NV + NV; self.T = max(-(-L // S), -(-self.rounds // Q))
        self.last_lookup = (self.nc + NV - 1) // Q       # the step of LOOKUP's last round has the evaluations
class Scalars: pass

def Lambda(e, pub, s, eqr):
    """(constant, weight of each evaluation, weight of each product) of the page's Λ."""
    k = {c: 0 for c in COLS}; b2 = s.beta * s.beta
    k['P'] = eqr << 24; k['R1'] = eqr << 12; k['R0'] = eqr
    k['F0'] = eqr * s.g[1] * (s.alpha + b2 * pub['tag']); k['F1'] = eqr * s.g[2] * (s.alpha + b2 * 7); k['F2'] = eqr * s.g[3] * (s.alpha + b2 * 7)
    k['HT'] = eqr * s.g[4] * (s.alpha + pub['Tin'] + s.beta * pub['Tout'] + b2 * pub['Ttag']); k['M'] = -eqr * s.g[4]
    k['Y'] = eqr * s.g[5] * (1 - pub['act'])
    for c, w in zip(('F0', 'F1', 'F2', 'HT'), (1, 1, 1, -1)): k[c] += s.delta * w
    const = -eqr * pub['act'] * (s.g[1] + s.g[2] + s.g[3])
    prod = [eqr * s.g[1], eqr * s.g[1] * s.beta, eqr * s.g[2], eqr * s.g[3]]
    return const % q, k, prod
def lam(e, pub, s, eqr):
    c, k, p = Lambda(e, pub, s, eqr)
    return (c + sum(k[n] * e[n] for n in COLS) + sum(w * e[f] * e[g] for w, (f, g) in zip(p, PRODUCTS))) % q

# ---- what prover and verifier share: challenges, in order, from the points
def early(tr, s):
    for k in ('alpha', 'beta', 'gamma', 'delta'): setattr(s, k, tr.challenge(k))
    s.r = [tr.challenge('r') for _ in range(NV)]; s.g = [pow(s.gamma, i, q) for i in range(6)]

def words(net, s, cols_at_z):
    """The steps' words and the total: E_C + ζ·E_L + ζ²·E_O as Σ word·message = total."""
    X = [[0] * len(MESSAGES) for _ in range(net.T)]; place = {m: k for k, m in enumerate(MESSAGES)}
    def put(step, m, v): X[step][place[m]] = (X[step][place[m]] + v) % q
    prod = lambda cs: __import__('functools').reduce(lambda a, b: a * b % q, cs, 1)
    px, pu, pz = prod(s.x), prod(s.u), prod(s.z); z1, z2 = s.zeta, s.zeta * s.zeta % q; rl = pow(s.rho, 4 * net.L, q)
    for l in range(net.L):
        i, j = divmod(l, S); sg = pow(s.sigma, l, q); r4 = pow(s.rho, 4 * l, q); ms, mc, md = net.m[l]
        f = sg * prod((1 - x) for x in s.x[net.bits[l]:])
        put(i, z_('s', j), px * sg + z1 * pu * net.theta[l] * ms)
        put(i, z_('c', j), z1 * pu * net.theta[l] * mc + z2 * pz * r4 * s.rho ** 2)
        put(i, z_('d', j), z1 * pu * net.theta[l] * md + z2 * pz * r4 * s.rho ** 3)
        put(i, a_('a', j), z2 * pz * r4); put(i, a_('b', j), z2 * pz * r4 * s.rho); put(i, P_(j), -f)
    if 'unused words' in FLAGS:
        for l in range(net.L, -(-net.L // S) * S):
            i, j = divmod(l, S); r4 = pow(s.rho, 4 * l, q); put(i, z_('s', j), px * pow(s.sigma, l, q))
            for v, e in ((a_('a', j), 0), (a_('b', j), 1), (z_('c', j), 2), (z_('d', j), 3)): put(i, v, z2 * pz * r4 * s.rho ** e)
    for k, (cs, scale) in enumerate(((s.x, 1), (s.u, z1), (s.z, z2))):
        for j, c in enumerate(cs):
            step, pos = divmod(len(s.x) * (k > 0) + len(s.u) * (k > 1) + j, Q); after = prod(cs[j + 1:]) * scale
            for m, w in zip(RANGE[f'R{pos}'], (1 - 2 * c, c * c - c, c ** 3 - c)): put(step, m, after * w)
    pub = {k: dot(v, table(s.u)) for k, v in net.public.items()}
    const, k, pr = Lambda(None, pub, s, dot(table(s.r), table(s.u)))
    for i, c in enumerate(COLS): put(net.last_lookup, e_(c), -z1 * k[c] + z2 * pz * rl * s.rho ** i)
    for i, w in enumerate(pr): put(net.last_lookup, Q_(i), -z1 * w)
    vopen = sum(cols_at_z[c] * v for c, v in functionals(net, s).items())
    return X, (z1 * const + z2 * vopen - z1 * pu * s.pub_z) % q
def functionals(net, s):
    """E_col~(z) of every column."""
    tz = table(s.z); out = {c: 0 for c in COLS + ['W']}; rl = pow(s.rho, 4 * net.L, q)
    for l in range(net.L):
        r4 = pow(s.rho, 4 * l, q)
        for i in range(1 << net.bits[l]):
            e = eq(s.x[:net.bits[l]], i)
            out['Y'] += r4 * e * dot(net.ma[l][i], tz); out['W'] += r4 * s.rho * e * dot(net.mb[l][i], tz)
        out['Y'] += r4 * s.rho ** 2 * dot(net.fc[l], tz); out['W'] += r4 * s.rho ** 3 * dot(net.fd[l], tz)
    e = dot(table(s.u), tz)
    for i, c in enumerate(COLS): out[c] += rl * s.rho ** i * e
    return {c: v % q for c, v in out.items()}

# ---- the prover
def prove(net, cheat=None):
    tr, s, n = Transcript(), Scalars(), 1 << NV; early(tr, s); cheat = cheat or {}
    col = {c: [rnd.randrange(50) for _ in range(n)] for c in COLS + ['W']}
    W = [[0] * NW for _ in range(net.T)]; pts = [{} for _ in range(net.T)]
    def send(step, seg):
        if 'null' in cheat and seg not in 'DV':
            for g in RANGE[seg]: W[step][g] = 0
        extra = cheat.get(('extra', step, seg))
        pts[step][seg] = commit(seg, [W[step][g] for g in RANGE[seg]], extra() if callable(extra) else extra); tr.absorb(seg, pts[step][seg])
    at = lambda fs, t: [dot(f, t) for f in fs]
    a = [at(m, col['Y']) for m in net.ma]; b = [at(m, col['W']) for m in net.mb]
    for l in range(net.L):
        i, j = divmod(l, S); W[i][z_('s', j)] = dot(a[l], b[l]); W[i][z_('c', j)] = dot(net.fc[l], col['Y']); W[i][z_('d', j)] = dot(net.fd[l], col['W'])
    if 'false claim' in cheat: W[0][z_('s', 0)] += 1
    colpts = {c: Point({('y', i): v for i, v in enumerate(t)}).plus(Point(H=F())) for c, t in col.items()}; tr.absorb('columns', [str(p) for p in colpts.values()])
    zstar = sum(net.theta[l] * sum(m * W[l // S][z_(k, l % S)] for k, m in zip('scd', net.m[l])) for l in range(net.L))
    pubs = lambda i: {k: v[i] for k, v in net.public.items()}
    s.pub_z = (sum(lam({c: col[c][i] for c in COLS}, pubs(i), s, eq(s.r, i)) for i in range(n)) - zstar) % q   # balances this random example
    if 'false statement' in cheat: s.pub_z = (s.pub_z + 1) % q
    shift = 0
    if 'slot beyond L' in cheat:
        shift = -pow(s.g[4], -1, q) % q                      # sum of Lambda with M + shift is now Z*
        l = net.L + 1; W[l // S][z_('d', l % S)] = -shift % q
    used = -(-net.L // S)
    for i in range(used): send(i, 'Z')
    s.sigma = tr.challenge('sigma'); count = [0]
    def sumcheck(tables, f, rounds):
        cs = []
        for _ in range(rounds):
            vals = [sum(f(*[(t[i] + v * (t[i + 1] - t[i])) for t in tables]) for i in range(0, len(tables[0]), 2)) % q for v in range(4)]
            step, pos = divmod(count[0], Q); count[0] += 1
            for g, v in zip(RANGE[f'R{pos}'], cubic(vals)): W[step][g] = v
            if ('round', count[0] - 1) in cheat: W[step][RANGE[f'R{pos}'][1]] += 1
            send(step, f'R{pos}'); c = tr.challenge('round'); cs.append(c); tables = [bind(t, c) for t in tables]
        return cs, [t[0] for t in tables]
    # CONTRACT: nodes of fewer variables are zero-extended
    N = 1 << net.nc; ext = lambda t: list(t) + [0] * (N - len(t)); one = lambda t: list(t) * (N // len(t))
    ta = [ext(t) for t in a]; tb = [one(t) for t in b]; sig = [pow(s.sigma, l, q) for l in range(net.L)]
    s.x, _ = sumcheck(ta + tb, lambda *v: sum(g * x * y for g, x, y in zip(sig, v[:net.L], v[net.L:])), net.nc)
    for l in range(net.L):
        i, j = divmod(l, S); e = table(s.x[:net.bits[l]]); W[i][a_('a', j)] = dot(a[l], e); W[i][a_('b', j)] = dot(b[l], e)
    for i in range(used): send(i, 'A')
    names = COLS + list(net.public)
    s.u, ev = sumcheck([[(v + (shift if c == 'M' else 0)) % q for v in col[c]] for c in COLS] + list(net.public.values()) + [table(s.r)],
                       lambda *v: lam(dict(zip(COLS, v)), dict(zip(net.public, v[9:])), s, v[-1]), NV)
    for c, v in zip(COLS, ev): W[net.last_lookup][e_(c)] = v
    send(net.last_lookup, 'E'); s.rho = tr.challenge('rho')
    rl = pow(s.rho, 4 * net.L, q); E = {c: [0] * n for c in COLS + ['W']}
    for l in range(net.L):
        r4 = pow(s.rho, 4 * l, q); e = table(s.x[:net.bits[l]])
        for j in range(n):
            E['Y'][j] += r4 * (sum(e[i] * net.ma[l][i][j] for i in range(len(e))) + s.rho ** 2 * net.fc[l][j])
            E['W'][j] += r4 * s.rho * (sum(e[i] * net.mb[l][i][j] for i in range(len(e))) + s.rho ** 2 * net.fd[l][j])
    tu = table(s.u)
    for i, c in enumerate(COLS): E[c] = [(v + rl * s.rho ** i * t) % q for v, t in zip(E[c], tu)]
    both = list(E); s.z, _ = sumcheck([col[c] for c in both] + [E[c] for c in both], lambda *v: dot(v[:len(both)], v[len(both):]), NV)
    at_z = {c: dot(t, table(s.z)) for c, t in col.items()}
    if 'column lie' in cheat: at_z['M'] = (at_z['M'] + cheat['column lie'](s, net)) % q
    cheat['s'] = s; 
    if 'early zeta' in FLAGS:
        s.zeta = tr.challenge('zeta')
        if 'early zeta' in cheat:                            # any false statement, mended by a column value
            X, total = words(net, s, at_z); have = sum(X[l // S][MESSAGES.index(P_(l % S))] * W[l // S][a_('a', l % S)] * W[l // S][a_('b', l % S)] for l in range(net.L))
            ws = W[net.last_lookup]; have += sum(X[net.last_lookup][MESSAGES.index(Q_(j))] * ws[e_(f)] * ws[e_(g)] for j, (f, g) in enumerate(PRODUCTS))
            have += sum(x * w for xs, ws in zip(X, W) for x, w in zip(xs, [ws[m] for m in MESSAGES]))
            at_z['M'] = (at_z['M'] + (have - total) * pow(s.zeta ** 2 * functionals(net, s)['M'], -1, q)) % q
        tr.absorb('col(z)', sorted(at_z.items()))
    else: tr.absorb('col(z)', sorted(at_z.items())); s.zeta = tr.challenge('zeta')
    X, total = words(net, s, at_z)
    s.eta = tr.challenge('eta')
    if 'adapt' in cheat: cheat['adapt'](W, X, total)
    for i in range(net.T):
        w, x = W[i], X[i]
        for l in range(S): w[P_(l)] = w[a_('a', l)] * w[a_('b', l)] % q
        for k, (f, g) in enumerate(PRODUCTS): w[Q_(k)] = w[e_(f)] * w[e_(g)] % q
        for k, m in enumerate(MESSAGES): w[N_(k)] = x[k] * w[m] % q
        w[RANGE['D'][0]] = sum(w[N_(k)] for k in range(len(MESSAGES))) % q
    if 'wrong share' in cheat: W[0][RANGE['D'][0]] = (W[0][RANGE['D'][0]] + total - sum(w[RANGE['D'][0]] for w in W)) % q
    if 'null' in cheat: W[0][RANGE['D'][0]] = total
    for i in range(net.T): send(i, 'D'); send(i, 'V')
    blind = sum(p['D']['H'] for p in pts) % q
    # folding
    wr, ur = [F() for _ in range(NW)], F(); x0 = [0] * len(MESSAGES); er = residue(wr, ur, x0)
    if 'unsatisfied mask' in cheat: er[0] += 1
    mask = ({seg: commit(seg, [wr[g] for g in RANGE[seg]], cheat['mask Z extra']() if seg == 'Z' and 'mask Z extra' in cheat else None) for seg in RANGE}, commit_e(er), ur); absorb_mask(tr, *mask)
    level = [(W[i], 0 if 'null' in cheat else 1, [0] * NE, X[i]) for i in range(net.T)] + [(wr, ur, er, x0)]; Ts = []
    while len(level) > 1:
        row = []
        for (w1, u1, e1, x1), (w2, u2, e2, x2) in zip(level[::2], level[1::2]):
            t = cross(w1, u1, x1, w2, u2, x2) if 'unrelaxed' not in cheat else cross(w1, 1, x1, w2, 1, x2)
            row.append((t, commit_e(t)))
            if 'T extra' in cheat and not Ts and len(row) == 1: row[0] = (t, row[0][1].plus(Point(cheat['T extra']())))
            tr.absorb('T', row[-1][1])
        Ts.append([p for _, p in row]); r = tr.challenge('level'); nxt = []
        for ((w1, u1, e1, x1), (w2, u2, e2, x2)), (t, _) in zip(zip(level[::2], level[1::2]), row):
            nxt.append(([(p + r * o) % q for p, o in zip(w1, w2)], (u1 + r * u2) % q, [(i + r * j + r * r * k) % q for i, j, k in zip(e1, t, e2)], [(p + r * o) % q for p, o in zip(x1, x2)]))
        level = nxt + level[len(level) - len(level) % 2:]
    proof = dict(net=net, pts=pts, at_z=at_z, pub_z=s.pub_z, blind=blind, mask=mask, Ts=Ts, root=level[0], colpts=colpts)
    if 'after' in cheat: cheat['after'](proof)
    return proof

def absorb_mask(tr, mk, me, mu_):
    tr.absorb('mask', [str(sorted(map(str, mk[k].items()))) for k in RANGE])
    if 'E unbound' not in FLAGS: tr.absorb('mask E', me)
    if 'u unbound' not in FLAGS: tr.absorb('mask u', mu_)

# ---- Spartan with its sumchecks really run
import math
MAT = None
def matrices():
    global MAT
    if MAT is None:
        MAT = ([], [], []); nx = len(MESSAGES)
        for i in range(NW + 1 + nx):
            w = [0] * NW; u = 0; x = [0] * nx
            if i < NW: w[i] = 1; pos = i
            elif i == NW: u = 1; pos = ZW
            else: x[i - NW - 1] = 1; pos = ZW + 1 + i - NW - 1
            for M, v in zip(MAT, products(w, u, x)): M.extend((row, pos, c) for row, c in enumerate(v) if c)
    return MAT
ZW = 1 << (max(NW, 1 + len(MESSAGES)) - 1).bit_length(); ZE = 1 << (NE - 1).bit_length(); RXN, RYN = ZE.bit_length() - 1, ZW.bit_length()
def run_sumcheck(tr, tables, f, rounds):
    cs, msgs = [], []
    for _ in range(rounds):
        vals = [sum(f(*[(t[i] + v * (t[i + 1] - t[i])) for t in tables]) for i in range(0, len(tables[0]), 2)) % q for v in range(4)]
        m = cubic(vals); msgs.append(m); tr.absorb('spartan', m); c = tr.challenge('spartan'); cs.append(c); tables = [bind(t, c) for t in tables]
    return cs, msgs, [t[0] for t in tables]
def check_sumcheck(tr, claim, msgs, rounds):
    demand('spartan rounds', len(msgs) == rounds); cs = []
    for m in msgs:
        tr.absorb('spartan', m); c = tr.challenge('spartan'); cs.append(c)
        claim = (c * claim + (1 - 2 * c) * m[0] + (c * c - c) * m[1] + (c ** 3 - c) * m[2]) % q
    return cs, claim
def spartan_prove(tr, w, u, e, x):
    tau = [tr.challenge('tau') for _ in range(RXN)]; pad = lambda v, n: [i % q for i in v] + [0] * (n - len(v))
    z = pad(w, ZW) + pad([u] + x, ZW); az, bz, cz = [pad(v, ZE) for v in products(w, u, x)]
    rx, outer, fin = run_sumcheck(tr, [table(tau), az, bz, cz, pad(e, ZE)], lambda t, a, b, c, e: t * (a * b - u * c - e), RXN)
    abc = fin[1:4]; tr.absorb('abc', abc); r = tr.challenge('abc'); tx = table(rx); m = [0] * (2 * ZW)
    for M, k in zip(matrices(), (1, r, r * r)):
        for row, col, c in M: m[col] = (m[col] + k * tx[row] * c) % q
    ry, inner, _ = run_sumcheck(tr, [m, z], lambda m, z: m * z, RYN)
    return outer, abc, inner
def spartan_verify(tr, u, x, msgs):
    # E~ and W~ are not sent: they follow from the rest
    outer, abc, inner = msgs; tau = [tr.challenge('tau') for _ in range(RXN)]
    rx, claim = check_sumcheck(tr, 0, outer, RXN); t = 1
    for a, b in zip(tau, rx): t = t * (a * b + (1 - a) * (1 - b)) % q
    E = (abc[0] * abc[1] - u * abc[2] - claim * pow(t, -1, q)) % q
    tr.absorb('abc', abc); r = tr.challenge('abc'); ry, claim = check_sumcheck(tr, (abc[0] + r * abc[1] + r * r * abc[2]) % q, inner, RYN)
    tx, ty = table(rx), table(ry); M_ = 0
    for M, k in zip(matrices(), (1, r, r * r)): M_ += k * sum(tx[i] * ty[j] * c for i, j, c in M)
    Wt = (claim * pow(M_, -1, q) - dot([u] + x, ty[ZW:])) % q
    return tx, ty, Wt, E

# ---- the verifier
LAST = {}
def verify(pf, use_mu=True):
    net, pts = pf['net'], pf['pts']; tr, s = Transcript(), Scalars(); early(tr, s); s.pub_z = pf['pub_z']; tr.absorb('columns', [str(p) for p in pf['colpts'].values()]); used = -(-net.L // S)
    def take(step, seg): demand('message missing', seg in pts[step]); tr.absorb(seg, pts[step][seg])
    for i in range(used): take(i, 'Z')
    s.sigma = tr.challenge('sigma'); count = 0
    def rounds(n):
        nonlocal count; cs = []
        for _ in range(n): take(count // Q, f'R{count % Q}'); count += 1; cs.append(tr.challenge('round'))
        return cs
    s.x = rounds(net.nc)
    for i in range(used): take(i, 'A')
    s.u = rounds(NV); take(net.last_lookup, 'E'); s.rho = tr.challenge('rho'); s.z = rounds(NV)
    
    if 'early zeta' in FLAGS: s.zeta = tr.challenge('zeta'); tr.absorb('col(z)', sorted(pf['at_z'].items()))
    else: tr.absorb('col(z)', sorted(pf['at_z'].items())); s.zeta = tr.challenge('zeta')
    s.eta = tr.challenge('eta'); X, total = words(net, s, pf['at_z'])
    for i in range(net.T): take(i, 'D'); take(i, 'V')
    for i, p in enumerate(pts):                       # what the descriptor does not call for is not there
        due = {'D', 'V'} | ({'Z', 'A'} if i < used else set()) | {f'R{j}' for j in range(Q) if i * Q + j < net.rounds} | ({'E'} if i == net.last_lookup else set())
        demand('segments of a step', set(p) == due)
    d = Point()
    for p in pts: d = d.plus(p['D'])
    demand('sum of shares', d.clean() == Point({RANGE['D'][0]: total, 'H': pf['blind']}).clean())
    mk, me, mu_ = pf['mask']; absorb_mask(tr, mk, me, mu_)
    level = [({k: p.get(k, Point()) for k in RANGE}, Point(), 1, x) for p, x in zip(pts, X)] + [(mk, me, mu_, [0] * len(MESSAGES))]
    for row in pf['Ts']:
        demand('cross terms', len(row) == len(level) // 2)
        for t in row: tr.absorb('T', t)
        r = tr.challenge('level'); LAST.setdefault('r', []).append(r)
        nxt = [({k: c1[k].plus(c2[k], r) for k in RANGE}, e1.plus(t, r).plus(e2, r * r), (u1 + r * u2) % q, [(a + r * b) % q for a, b in zip(x1, x2)])
               for (c1, e1, u1, x1), (c2, e2, u2, x2), t in zip(level[::2], level[1::2], row)]
        level = nxt + level[len(level) - len(level) % 2:]
    demand('one root', len(level) == 1); LAST['root'] = level[0]
    C, ce, u, x = level[0]; w, _, e, _ = pf['root']
    import copy
    msgs = spartan_prove(copy.copy(tr), w, u, e, x) if 'spartan' not in pf else pf['spartan']      # the prover's part, on a copy of the transcript
    tx, ty, Wt, Et = spartan_verify(tr, u, x, msgs); mu, nu = (tr.challenge('mu') if use_mu else 1), tr.challenge('nu')
    combined, b, k = Point(), {}, 0
    for k, seg in enumerate(RANGE):
        combined = combined.plus(C[seg], pow(mu, k, q))
        for g in RANGE[seg]: b[g] = pow(mu, -k, q) * ty[g] % q
    k += 1; combined = combined.plus(ce, pow(mu, k, q))
    for i in range(NE): b[('e', i)] = nu * pow(mu, -k, q) * tx[i] % q
    # merged column opening: power K+1 of mu, and nu^2; or with its power left out
    pw = 1 if 'merge without power' in FLAGS else pow(mu, k - 1 if 'merge at V' in FLAGS else k + 1, q); value = (Wt + nu * Et) % q
    if 'merge' in FLAGS:
        ey = table(s.z)
        for j, c in enumerate(pf['colpts']):
            combined = combined.plus(pf['colpts'][c], pw * pow(s.eta, j, q)); value = (value + nu * nu * pow(s.eta, j, q) * pf['at_z'][c]) % q
        for i in range(1 << NV): b[('y', i)] = nu * nu * pow(pw, -1, q) * ey[i] % q
    rest = {g: v for g, v in combined.clean().items() if g != 'H'}
    demand('opening: generators', set(rest) <= set(b))
    demand('opening: value', sum(v * b[g] for g, v in rest.items()) % q == value)

def outcome(net, cheat=None, use_mu=True):
    try: verify(prove(net, cheat), use_mu); return 'accepted'
    except Refused as e: return f'refused by: {e}'

def late(segment, step, target):
    """A false claim, mended after ζ by changing message `target` of `step`: the change is put into the commitment to `segment`, which comes later."""
    box = {}
    def adapt(W, X, total):
        k = MESSAGES.index(target); have = sum(x * w for xs, ws in zip(X, W) for x, w in zip(xs, [ws[m] for m in MESSAGES]))
        for i, ws in enumerate(W):                     # products are not yet in W: add them
            have += sum(X[i][MESSAGES.index(P_(l))] * ws[a_('a', l)] * ws[a_('b', l)] for l in range(S))
            have += sum(X[i][MESSAGES.index(Q_(j))] * ws[e_(f)] * ws[e_(g)] for j, (f, g) in enumerate(PRODUCTS))
        box['d'] = (total - have) * pow(X[step][k], -1, q) % q; W[step][target] = (W[step][target] + box['d']) % q
    return {'false claim': 1, 'adapt': adapt, ('extra', step, segment): lambda: {target: box['d']}}

if __name__ == '__main__':
    for L in (1, 2, 3, 4, 7, 10):
        net = Network(L); assert outcome(net) == 'accepted', L
    print('honest proofs of 1 to 10 slots: accepted')
    net = Network(7); show = lambda name, got, want: (print(f'{name}: {got}'), (_ for _ in ()).throw(AssertionError(name)) if want not in got else None)
    show('a false claim', outcome(net, {'false claim': 1}), 'sum of shares')
    show('... with a share that fits', outcome(net, {'false claim': 1, 'wrong share': 1}), 'opening: value')
    show('a wrong round', outcome(net, {('round', net.nc + 1): 1}), 'sum of shares')
    for seg, target, what in (('V', RANGE['R0'][0], 'a round altered through V'), ('D', RANGE['R0'][1], 'a round altered through D'), ('V', z_('s', 0), 'a claim altered through V'), ('V', e_('M'), 'an evaluation altered through V')):
        step = net.last_lookup if target in RANGE['E'] else 0
        got = late(seg, step, target)
        if seg == 'D': show(what, outcome(net, got), 'sum of shares'); continue
        show(what, outcome(net, got), 'opening: value')
        show(what + ', without powers of mu (so the test has teeth)', outcome(net, late(seg, step, target), use_mu=False), 'accepted')
    x = F(); far = RANGE['Z'][0]
    show('shares with foreign components that cancel', outcome(net, {('extra', 0, 'D'): {far: x}, ('extra', 1, 'D'): {far: -x}}), 'opening: value')
    show("a message with a component on E's generators", outcome(net, {('extra', 0, 'Z'): {('e', 0): F()}}), 'opening: value')
    show('a message with a component on a foreign generator', outcome(net, {('extra', 0, 'Z'): {'column': F()}}), 'opening: generators')
    show('cross terms of unrelaxed instances', outcome(net, {'unrelaxed': 1}), 'opening: value')
    show('a mask that satisfies nothing', outcome(net, {'unsatisfied mask': 1}), 'opening: value')
    swap = lambda pf: pf['pts'].__setitem__(slice(0, 2), [dict(pf['pts'][0], V=pf['pts'][1]['V'], D=pf['pts'][1]['D']), dict(pf['pts'][1], V=pf['pts'][0]['V'], D=pf['pts'][0]['D'])])
    show('shares of two steps exchanged', outcome(net, {'after': swap}), 'refused')
    show('a step doubled', outcome(net, {'after': lambda pf: pf['pts'].append(pf['pts'][0])}), 'refused')
    show('a segment that the descriptor does not call for', outcome(net, {'after': lambda pf: pf['pts'][(net.last_lookup + 1) % net.T].__setitem__('E', commit('E', [F()] * 9))}), 'segments')
    def wrong_value(pf): pf['at_z'] = dict(pf['at_z'], M=pf['at_z']['M'] + 1)
    show('a column value altered', outcome(net, {'after': wrong_value}), 'refused')

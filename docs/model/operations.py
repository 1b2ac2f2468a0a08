#!/usr/bin/env python3
"""An executable model of operations (operations.md beside it): lowering, reads, slots with a shared theta, public parts, index ports.

In the field of the protocol.  Operations are lowered to relations, these to slots; an integer executor that knows only positions fills
the columns; claims are made from the columns at random points; then the three statements CONTRACT, LOOKUP, OPEN are checked as sums
(a sumcheck adds rounds, and nothing else), and every functional, public part and offset that a verifier computes at a point is compared
with the sum over its table.  Cheats follow through with everything else consistent; `expect` names the check that has to refuse them:

  contract  sum_l sigma^l s_l = sum_l sigma^l sum_x e_l a_l b_l
  rows      sum_x eq(r,x)(2^2B P + 2^B R1 + R0) = Z*          padding  (1-act) Y = 0
  lookups   F.(alpha+phi) = act, HT.(alpha+phi) = M and sum F0+F1+F2-HT = 0
  open      sum rho^.. (claim - pub) = sum_cells col.E_col
  equation  sum of words times messages = total, after real rounds (tree); balances: the chain's four, from its start state
  range     an index port's values are integers in [0,n)      a DescriptorError's name: the descriptor is refused
Standard library only, one thread, some seconds."""
import random, itertools
from math import isqrt, prod

q = 0x40000000000000000000000000000000224698fc0994a8dd8c46eb2100000001
B = 4
D1, D2, D3, HALF = 1 << B, 1 << 2 * B, 1 << 3 * B, 1 << 2 * B - 1
rng = random.Random(7)
rnd = lambda: rng.randrange(q)
bits = lambda n: (n - 1).bit_length() if n > 1 else 0
small = lambda x: (x % q) if (x % q) <= q // 2 else x % q - q

class Refused(Exception):
    def __init__(self, check): self.check = check; super().__init__(check)
def demand(ok, check):
    if not ok: raise Refused(check)

# ---- multilinear extensions -------------------------------------------------------------------------------------------------------
def eq_index(p, i):
    out = 1
    for j, x in enumerate(p): out = out * (x if i >> j & 1 else 1 - x) % q
    return out if i >> len(p) == 0 else 0
def eq(a, b):
    out = 1
    for x, y in zip(a, b): out = out * (2 * x * y - x - y + 1) % q
    return out
def eq_table(p):
    t = [1]
    for x in p: t = [v * (1 - x) % q for v in t] + [v * x % q for v in t]
    return t
def prefix(weights, n):                                   # mle.rs: prefix_sum
    if n >> len(weights): return prod((a + b for a, b in weights), start=1) % q
    total, pre = 0, 1
    for j in reversed(range(len(weights))):
        w0, w1 = weights[j]
        if n >> j & 1:
            total += pre * w0 * prod((a + b for a, b in weights[:j]), start=1); pre = pre * w1 % q
        else: pre = pre * w0 % q
    return total % q
indicator = lambda n, p: prefix([(1 - x, x) for x in p], n)      # also LT~(p, n)
eq_prefix = lambda a, b, n: prefix([((1 - x) * (1 - y) % q, x * y % q) for x, y in zip(a, b)], n)

# ---- blocks, maps, terms ----------------------------------------------------------------------------------------------------------
class Block:
    """Trace block, weight block, or a public constant (addr None): `values` of a constant are row-major over the true shape."""
    def __init__(self, name, axes, addr=None, col=None, values=None, port=None):
        self.name, self.axes, self.addr, self.col, self.values, self.port = name, list(axes), addr, col, values, port
        self.shape = [n for _, n in self.axes]
        self.bits = sum(bits(n) for n in self.shape)
    def flat(self, idx):
        f = 0
        for n, i in zip(self.shape, idx): f = f << bits(n) | i
        return f
    def indices(self): return itertools.product(*map(range, self.shape))
    def const(self, idx, ports):
        if self.port is not None: return int(ports[self.port].values[idx[:-1]] == idx[-1])    # the port's one-hot tensor
        f = 0
        for n, i in zip(self.shape, idx): f = f * n + i
        return self.values[f]

class Map:
    """j = offset + sum stride*index + sum inner; or j = k[index] of a port."""
    def __init__(self, src, axes=(), strides=(), offset=0, inner=(), port=None):
        self.src, self.axes, self.strides, self.offset, self.inner, self.port = src, list(axes), list(strides), offset, list(inner), port
    def positions(self, idx, ports):
        if self.port is not None: return [ports[self.port].values[tuple(idx)]]
        js = [self.offset + sum(s * i for s, i in zip(self.strides, idx))]
        for n, s in self.inner: js = [j + s * u for j in js for u in range(n)]
        return [j for j in js if 0 <= j < self.src]
    def pull(self, pt, ports):
        out = [0] * self.src
        for idx in itertools.product(*(range(pt[a][0]) for a in self.axes)):
            w = prod((eq_index(pt[a][1], i) for a, i in zip(self.axes, idx)), start=1) % q
            for j in self.positions(idx, ports):
                if j < self.src: out[j] = (out[j] + w) % q
        return out
    def mle(self, pt, z, ports):
        if self.port is not None:                          # sum_i eq(p,i) eq(z,k[i])
            return sum(prod((eq_index(pt[a][1], i) for a, i in zip(self.axes, idx)), start=1) * eq_index(z, k)
                       for idx, k in ports[self.port].values.items()) % q
        if len(self.axes) == 1 and self.strides == [1] and not self.offset and not self.inner and pt[self.axes[0]][0] == self.src:
            return eq_prefix(pt[self.axes[0]][1], z, self.src)
        return sum(a * b for a, b in zip(self.pull(pt, ports), eq_table(z))) % q
ident = lambda ax: Map(ax[1], [ax[0]], [1])
total_map = lambda n: Map(n, inner=[(n, 1)])

READS = {'value': [('Y', 1)], 'wide': [('P', D1), ('R1', 1)], 'exact': [('P', D2), ('R1', D1), ('R0', 1)], 'middle': [('R1', 1)],
         'lo': [('R1', D1), ('R0', 1)], 'W': [('W', 1)], 'const': []}
class Term:
    def __init__(self, coef, block, read, maps, op=None):
        self.coef, self.block, self.read, self.maps, self.op = coef, block, read, maps, op
    @property
    def const(self):                                       # a read's constant; follows the block's offset
        half = getattr(self.block, 'half', 0)
        return {'exact': -half, 'wide': -(half >> B)}.get(self.read, 0)
    def axes(self): return [a for m in self.maps for a in m.axes]
    def with_(self, **k): return Term(**{**dict(coef=self.coef, block=self.block, read=self.read, maps=self.maps, op=self.op), **k})

class Port:
    def __init__(self, shape, n, role): self.shape, self.n, self.role, self.values = list(shape), n, role, None
    def set(self, vals): self.values = dict(zip(itertools.product(*map(range, self.shape)), vals))

class Product:
    def __init__(self, m, a, k, x): self.m, self.a, self.k, self.x = m, a, k, list(x)
class Relation:
    def __init__(self, block, tag, offset, products=(), c=None, d=None):
        self.block, self.tag, self.offset, self.products, self.c, self.d = block, tag, offset, list(products), c, d
class Op:
    def __init__(self, kind, axes, products=(), c=None, d=None, g=None, div=None, port=None, name=''):
        self.kind, self.axes, self.products, self.c, self.d, self.g, self.div, self.port = kind, list(axes), list(products), c, d, g, div, port
        self.name = name or kind
OFFERS = {'map': ('value', 'wide', 'exact', 'middle'), 'input': ('value',), 'boolean': ('value',), 'quotient': ('value',),
          'root': ('exact', 'wide'), 'best': (), 'assert': ()}

FUNCS = {'id': lambda p: p, 'relu': lambda p: max(p, 0), 'sq': lambda p: p * p - 3}
def entries(f):
    S = range(-D1 // 2, D1 // 2)
    if f == 'Free': return [(0, y) for y in S]
    if f == 'Boolean': return [(min(j, 1),) * 2 for j in range(D1)]
    if f == 'Zero': return [(0, 0)] * D1
    return [(p, FUNCS[f](p)) for p in S]

class Net:
    def __init__(self):
        self.ops, self.blocks, self.weights, self.ports, self.where, self.wtop, self.top = [], [], [], {}, {}, 0, 0
    def place(self, name, axes):
        b = Block(name, axes, col='T'); size = 1 << b.bits
        b.addr = -(-self.top // size) * size; self.top = b.addr + size
        self.blocks.append(b); return b
    def weight(self, name, shape, values):
        b = Block(name, [(None, n) for n in shape], col='W'); size = 1 << b.bits
        b.addr = -(-self.wtop // size) * size; self.wtop = b.addr + size
        b.ints = values; self.weights.append(b); return b
    def add(self, op):
        op.id = len(self.ops); self.ops.append(op)
        n = {'quotient': 2, 'root': 3}.get(op.kind, 1)
        op.blocks = [self.place(f'{op.name}.{i+1}', op.axes) for i in range(n)]
        if op.kind in ('map', 'input', 'boolean'): op.blocks[0].half = HALF
        return op
    def port(self, name, shape, n, role='given'): self.ports[name] = Port(shape, n, role); return name

    # -- rules (page section 7) --
    def check(self):
        bests = {}
        for op in self.ops:
            views = [(v, 'AK') for p in op.products for v in (p.a, p.k)] + [(v[1], 'C') for v in (op.c, op.d, op.div and (1, op.div)) if v]
            for view, _ in views:
                for t in view:
                    if t.op is not None:
                        demand(t.op.id < op.id, 'ReadsLater'); demand(t.read in OFFERS[t.op.kind], 'NotOffered')
                        demand(t.block is t.op.blocks[0], 'NotOffered')
                    elif t.block.addr is None and t.block.port is None:
                        demand(len(t.block.values) == prod(t.block.shape), 'ConstantLength')
                    demand([m.src for m in t.maps] == t.block.shape, 'MapsDoNotFit')
                    ax = t.axes(); demand(len(ax) == len(set(ax)), 'AxisReadTwice')
                    for m in t.maps:
                        if m.port is not None:
                            p = self.ports[m.port]; lens = dict(op.axes); lens.update(dict(a for pr in op.products for a in pr.x))
                            demand(p.n == m.src and [lens[a] for a in m.axes] == p.shape, 'GatherShape')
                            demand(p.role == 'given', 'GathersAnswer')
            if op.kind == 'assert': demand(all(t.read != 'W' for v, _ in views for t in v), 'AssertReads')
            if op.kind == 'best':
                p = self.ports[op.port]; v = op.axes[-1]
                demand(p.role == 'answer' and p.n == v[1] and [n for _, n in op.axes[:-1]] == p.shape, 'BestShape')
                demand(op.port not in bests, 'AnsweredTwice'); bests[op.port] = op
                reads = lambda t: [m for m in t.maps if v[0] in m.axes]
                for pr in op.products:
                    demand(v not in pr.x, 'BestAxis'); has = [any(reads(t) for t in w) for w in (pr.a, pr.k)]
                    demand(not all(has), 'BestAxis')
                    for t in pr.a + pr.k:
                        if reads(t): demand(not set(t.axes()) & {a for a, _ in op.axes[:-1]}, 'BestAxis')
                for view, _ in views:
                    for t in view:
                        for m in reads(t): demand(m.axes == [v[0]] and m.strides == [1] and m.offset == 0 and not m.inner and m.src == v[1], 'BestAxis')
        demand(all(n in bests for n, p in self.ports.items() if p.role == 'answer'), 'Unanswered')
        for rel in self.lower():
            for p in rel.products:
                for terms, role in ((p.a, 'a'), (p.k, 'b')):
                    demand(all(set(t.axes()) <= {a for a, _ in owned(rel, p, role)} for t in terms), 'AxisNotOwned')
            demand(self.bound(rel) < q // 2, 'RangeBound')

    def bound(self, rel):
        def col(t):
            if t.read == 'W': return 1 << 31
            if t.read == 'const': return 1 if t.block.port else max(map(abs, t.block.values), default=0)
            if t.read == 'value': return max(abs(y) for _, y in entries(t.block.fn)) if t.block.fn != 'RNG' else 0
            if t.read in ('middle', 'lo'): return sum(f * (D1 - 1) for _, f in READS[t.read])
            half = getattr(t.block, 'half', 0)             # exact: |Z| <= 2^(3B-1) + half; a root's: 2^3B
            top = D3 // 2 + HALF if half else D3
            return top if t.read == 'exact' else -(-top >> B)
        def view(v): return sum(abs(t.coef) * col(t) * prod((prod((n for n, _ in m.inner), start=1) for m in t.maps), start=1) for t in v)
        out = {a for a, _ in rel.block.axes}
        b = max(rel.offset.bound, HALF)
        for p in rel.products: b += abs(p.m) * view(p.a) * view(p.k) * prod((n for a, n in p.x if a not in out), start=1)
        for part in (rel.c, rel.d):
            if part: b += abs(part[0]) * view(part[1])
        return b

    # -- lowering (page section 4) --
    def lower(self):
        out = []
        for op in self.ops:
            b, ids = op.blocks, lambda blk: [ident(a) for a in op.axes]
            own = lambda i, read, coef=1: Term(coef, b[i], read, ids(b[i]))
            scale = lambda part, f: part and (part[0] * f, part[1])
            def rel(i, tag, off, prods=(), c=None, d=None):
                b[i].fn = tag; out.append(Relation(b[i], tag, off, prods, c, d))
            if op.kind == 'map': rel(0, op.g, Const(HALF), op.products, op.c, op.d)
            elif op.kind in ('input', 'boolean'):
                rel(0, 'id' if op.kind == 'input' else 'Boolean', Const(HALF), (), (D2, [own(0, 'value')]))
            elif op.kind == 'quotient':
                x = [a for a in op.axes if any(a[0] in t.axes() for t in op.div)]
                two_y_minus_1 = [own(0, 'value', 2), Term(-1, ONE, 'const', [])]
                prods = [Product(2 * p.m, p.a, p.k, p.x) for p in op.products] + [Product(-1, op.div, two_y_minus_1, x)]
                rel(0, 'Free', Const(0), prods, scale(op.c, 2), scale(op.d, 2))
                rel(1, 'RNG', Const(-1), (), (1, [t.with_(coef=2 * t.coef) for t in op.div] + [own(0, 'lo', -1)]))
            elif op.kind == 'root':
                v = lambda coef=1: own(0, 'exact', coef)
                rel(0, 'RNG', Const(0), (), (1, [v()]))
                rel(1, 'RNG', Const(0), op.products + [Product(-1, [v()], [v()], op.axes)], op.c, op.d)
                rel(2, 'RNG', Const(0), (), (1, [v(2), own(1, 'exact', -1)]))
            elif op.kind == 'assert': rel(0, 'Zero', Const(0), [Product(D2 * p.m, p.a, p.k, p.x) for p in op.products], scale(op.c, D2), scale(op.d, D2))
            elif op.kind == 'best':
                ax_i, v = op.axes[:-1], op.axes[-1]
                ia = [a for a, _ in ax_i]
                def gathered(view): return [t.with_(maps=[Map(v[1], ia, port=op.port) if v[0] in m.axes else m for m in t.maps]) for t in view]
                only = lambda view: [t for t in view if v[0] in t.axes()]
                prods, c, d = [], [], []
                for p in op.products:
                    for f in (0, 1):
                        pick = only((p.a, p.k)[f])
                        if not pick: continue
                        other = (p.a, p.k)[1 - f]
                        x = [a for a in ax_i if a not in p.x] + p.x
                        g = (gathered(pick), other) if f == 0 else (other, gathered(pick))
                        s = (pick, other) if f == 0 else (other, pick)
                        prods += [Product(p.m, *g, x), Product(-p.m, *s, p.x)]
                for part, store in ((op.c, c), (op.d, d)):
                    if not part: continue
                    m, view = part; mine = only(view)
                    plain = [t for t in mine if not set(t.axes()) & set(ia)]
                    joint = [t for t in mine if set(t.axes()) & set(ia)]
                    store += [t.with_(coef=-t.coef) for t in mine] + gathered(plain)
                    if joint:                              # selected by a product with the port's one-hot tensor: no joint gather
                        v2 = ('sel', v[1]); hot = Block('hot', ax_i + [v2], port=op.port)
                        ren = [t.with_(maps=[Map(v[1], ['sel'], [1]) if v[0] in mm.axes else mm for mm in t.maps]) for t in joint]
                        prods.append(Product(m, ren, [Term(1, hot, 'const', [ident(a) for a in ax_i + [v2]])], ax_i + [v2]))
                rel(0, 'RNG', Less(op.port), prods, op.c and (op.c[0], c), op.d and (op.d[0], d))
        return out

class Const:
    def __init__(self, v): self.v = v; self.bound = abs(v)
    def at(self, idx, ports): return self.v
    def mle(self, axes, pt, ports): return self.v * prod((indicator(n, pt[a][1]) for a, n in axes), start=1) % q
class Less:                                                # -[v < k_i]
    bound = 1
    def __init__(self, port): self.port = port
    def at(self, idx, ports): return -int(idx[-1] < ports[self.port].values[idx[:-1]])
    def mle(self, axes, pt, ports):
        return -sum(prod((eq_index(pt[a][1], i) for (a, _), i in zip(axes, idx)), start=1) * indicator(k, pt[axes[-1][0]][1])
                    for idx, k in ports[self.port].values.items()) % q
ONE = Block('1', [], values=[1])

# ---- integers -----------------------------------------------------------------------------------------------------------------------
class Run:
    def __init__(self, net, inputs=None, hook=None, ports=None):
        self.net, self.ports = net, ports or net.ports
        self.rels = net.lower()
        self.tags = []
        for r in self.rels:
            if r.tag != 'RNG' and r.tag not in self.tags: self.tags.append(r.tag)
        self.nt = (len(self.tags) + 1) * D1
        self.nu, self.nuw = bits(max(net.top, self.nt)), bits(max(net.wtop, 1))
        self.col = {c: [0] * (1 << self.nu) for c in ('Y', 'P', 'R1', 'R0')}
        self.col['W'] = [rnd() for _ in range(1 << self.nuw)]                         # padding of W: nobody's business
        for w in net.weights:
            for idx, val in zip(w.indices(), w.ints): self.col['W'][w.addr + w.flat(idx)] = val
        self.hook = hook or {}
        by = {r.block: r for r in self.rels}
        for op in net.ops:
            for idx in op.blocks[0].indices(): self.row(op, idx, by, inputs)
        if 'after' in self.hook: self.hook['after'](self)
    def cell(self, block, idx): return block.addr + block.flat(idx)
    def view(self, terms, at):
        total = 0
        for t in terms:
            pos = [m.positions([at[a] for a in m.axes], self.ports) for m in t.maps]
            for js in itertools.product(*pos):
                v = t.const if t.read != 'const' else t.block.const(js, self.ports)
                for c, f in READS[t.read]: v += f * self.col[c][self.cell(t.block, js)]
                total += t.coef * v
        return total
    def z(self, products, c, d, axes, idx):
        at = dict(zip([a for a, _ in axes], idx)); total = 0
        for p in products:
            summed = [a for a in p.x if a[0] not in at]
            for x in itertools.product(*(range(n) for _, n in summed)):
                here = {**at, **dict(zip([a for a, _ in summed], x))}
                total += p.m * self.view(p.a, here) * self.view(p.k, here)
        for part in (c, d):
            if part: total += part[0] * self.view(part[1], at)
        return total
    def digits(self, block, idx, n, y):
        n, i = small(n), self.cell(block, idx)
        fn = self.hook.get('digits'); n = fn(block, idx, n) if fn else n
        if block.fn in ('Free', 'Zero'): P, R1, R0 = 0, n >> B, n & D1 - 1            # does not fit: the digit is out of range
        else: P, R1, R0 = n >> 2 * B, n >> B & D1 - 1, n & D1 - 1
        self.col['P'][i], self.col['R1'][i], self.col['R0'][i] = P, R1, R0
        self.col['Y'][i] = FUNCS[block.fn](P) if y is None and block.fn in FUNCS else P if y is None and block.fn == 'Boolean' else y or 0
    def row(self, op, idx, by, inputs):
        r = [by[b] for b in op.blocks]
        value = lambda rel: self.z(rel.products, rel.c, rel.d, op.axes, idx) + rel.offset.at(idx, self.ports)
        choose = lambda name, v: self.hook[name](op, idx, v) if name in self.hook else v
        if op.kind in ('input', 'boolean'):
            v = inputs[op.name][idx]; self.col['Y'][self.cell(op.blocks[0], idx)] = v
            self.digits(op.blocks[0], idx, value(r[0]), v)
            return
        if op.kind == 'quotient':
            Z = self.z(op.products, op.c, op.d, op.axes, idx); D = self.view(op.div, dict(zip([a for a, _ in op.axes], idx)))
            y = choose('quotient', (2 * small(Z) + D) // (2 * D) if D else 0)
            self.col['Y'][self.cell(op.blocks[0], idx)] = y
            self.digits(op.blocks[0], idx, value(r[0]), y)
            self.digits(op.blocks[1], idx, value(r[1]), None); return
        if op.kind == 'root':
            Z = small(self.z(op.products, op.c, op.d, op.axes, idx)); v = choose('root', isqrt(max(Z, 0)))
            self.digits(op.blocks[0], idx, v, None)
            for i in (1, 2): self.digits(op.blocks[i], idx, value(r[i]), None)
            return
        self.digits(op.blocks[0], idx, value(r[0]), None)

# ---- the argument -------------------------------------------------------------------------------------------------------------------
def split(axes, point):
    out, rest = {}, list(point)
    for a, n in reversed(axes): out[a] = (n, rest[:bits(n)]); rest = rest[bits(n):]
    return out
def owned(rel, p, role):
    xs = {a for a, _ in p.x} if p else set()
    free = [a for a in rel.block.axes if a[0] not in xs]
    reads = {a for t in p.a for a in t.axes()} if p else set()
    if role == 'a': return p.x + [a for a in free if a[0] in reads]
    if role == 'b': return p.x + [a for a in free if a[0] not in reads]
    return rel.block.axes
def broadcast(t, own, pt): return prod((indicator(n, pt[a][1]) for a, n in own if a not in t.axes()), start=1) % q

def functional(run, terms, own, pt, ports, z=None, wrong=None):
    """(by column: its cells, or its extension at z), pub."""
    cells, pub = {}, 0
    for t in terms:
        w = t.coef * broadcast(t, own, pt) % q
        pulled = [m.pull(pt, ports) for m in t.maps]
        if t.read == 'const':
            if t.block.port is not None:                   # verifier: sum_i prod eq * eq(., k_i)
                ax = [m.axes[0] for m in t.maps]
                pub += w * sum(prod((eq_index(pt[a][1], i) for a, i in zip(ax, idx)), start=1) * eq_index(pt[ax[-1]][1], k)
                               for idx, k in ports[t.block.port].values.items())
            else: pub += w * sum(t.block.const(js, ports) * prod((v[j] for v, j in zip(pulled, js)), start=1) for js in t.block.indices())
            continue
        if t.const:
            const = t.const + (wrong == 'constant')
            each = [sum(v) for v in pulled] if wrong != 'dropped' else [1] * len(pulled)
            pub += w * const * prod(each, start=1)
        for c, f in READS[t.read]:
            if z is None:
                for js in t.block.indices():
                    i = run.cell(t.block, js); d = cells.setdefault(c, {})
                    d[i] = (d.get(i, 0) + w * f * prod((v[j] for v, j in zip(pulled, js)), start=1)) % q
            else:
                zc = z[:run.nuw if c == 'W' else run.nu]; value = w * f * eq_index(zc[t.block.bits:], t.block.addr >> t.block.bits)
                low = split([(k, n) for k, n in enumerate(t.block.shape)], zc[:t.block.bits])
                for k, m in enumerate(t.maps): value = value * m.mle(pt, low[k][1], ports) % q
                cells[c] = (cells.get(c, 0) + value) % q
    return cells, pub % q

def slots_of(rels):
    for r in rels:
        ps = r.products or [None]
        for n, p in enumerate(ps): yield r, p, r.c if n == 0 else None, r.d if n == 0 else None

def dot(run, cells): return sum(v * run.col[c][i] for c, d in cells.items() for i, v in d.items()) % q

def sumcheck(terms, challenges):
    """Rounds (g0,g2,g3) of sum_x sum_t coef*prod tables, variable 0 first, and the claim that they end in."""
    terms = [(c, [list(t) for t in ts]) for c, ts in terms]; rounds = []
    claim = sum(c * sum(prod(v, start=1) for v in zip(*ts)) for c, ts in terms) % q; first = claim
    for ch in challenges:
        g = [0] * 4
        for c, ts in terms:
            for i in range(0, len(ts[0]), 2):
                poly = [c]
                for t in ts:
                    a, d = t[i], t[i + 1] - t[i]; poly = [(u * a + v * d) % q for u, v in zip(poly + [0], [0] + poly)]
                for k, v in enumerate(poly): g[k] = (g[k] + v) % q
        assert (2 * g[0] + g[1] + g[2] + g[3] - claim) % q == 0
        rounds.append((g[0], g[2], g[3])); claim = sum(v * pow(ch, k, q) for k, v in enumerate(g)) % q
        terms = [(c, [[(t[i] + ch * (t[i + 1] - t[i])) % q for i in range(0, len(t), 2)] for t in ts]) for c, ts in terms]
    return first, rounds, claim

def equation(run, slots, C, sigma, x, r, rho, z, cols, E, table, alpha, beta, tag, act, tag_rng, offsets, pubs, what):
    """All rounds, then the tree's one equation and the chain's four balances, as page section 2 says; `what`: who leaves out what."""
    n, L, gamma, delta, zeta = 1 << run.nu, len(slots), rnd(), rnd(), rnd()
    u = [rnd() for _ in range(run.nu)]; P = lambda v: prod(v, start=1) % q
    g = [pow(gamma, k, q) for k in range(6)]
    pad = lambda t, m: t + [0] * (m - len(t))
    # CONTRACT
    ct_, f = [], []
    for l, ((rel, p, _, _), cl) in enumerate(zip(slots, C)):
        if not p: f.append(0); continue
        k = sum(bits(m) for _, m in p.x); pr = split(rel.block.axes, r[:rel.block.bits]); batch = [a for a in p.x if a in rel.block.axes]
        e = [prod((eq(pr[a][1], split(p.x, [i >> j & 1 for j in range(k)])[a][1]) for a, _ in batch), start=1) % q for i in range(1 << k)]
        rep = 1 << len(x) - k
        ct_.append((pow(sigma, l, q), [pad(e, 1 << len(x)), cl['ta'] * rep, cl['tb'] * rep]))
        px = split(p.x, x[:k]); f.append(pow(sigma, l, q) * P(eq(pr[a][1], px[a][1]) for a, _ in batch) * P(1 - v for v in x[k:]) % q)
    initC, roundsC, lastC = sumcheck(ct_, x)
    assert lastC == sum(v * cl['a'] * cl['b'] for v, cl in zip(f, C)) % q                          # multilinear in x: the slot's own factors
    # LOOKUP
    Y, Pc, R1, R0, F0, F1, F2, M, HT = (cols[c] for c in ('Y', 'P', 'R1', 'R0', 'F0', 'F1', 'F2', 'M', 'HT'))
    phi = lambda a, b, t: (alpha + a + beta * b + beta * beta * t) % q
    T_ = [phi(*table[j]) if j < len(table) else alpha for j in range(n)]
    lin = [(D2 * Pc[i] + D1 * R1[i] + R0[i] - (g[1] + g[2] + g[3]) * act[i] - g[4] * M[i]) % q for i in range(n)]
    er = eq_table(r)
    lt = [(1, [er, lin]), (g[1], [er, F0, [phi(Pc[i], Y[i], tag[i]) for i in range(n)]]), (g[2], [er, F1, [phi(v, 0, tag_rng) for v in R0]]),
          (g[3], [er, F2, [phi(v, 0, tag_rng) for v in R1]]), (g[4], [er, HT, T_]), (g[5], [er, [1 - a for a in act], Y]),
          (delta, [[(a + b + c - d) % q for a, b, c, d in zip(F0, F1, F2, HT)]])]
    initL, roundsL, lastL = sumcheck(lt, u)
    # OPEN, with the columns' mask rows
    names = ('Y', 'P', 'R1', 'R0', 'F0', 'F1', 'F2', 'M', 'HT'); eu = eq_table(u); half = 1 << len(z)
    evals = [sum(a * b for a, b in zip(eu, cols[c])) % q for c in names]
    rhoL = pow(rho, 4 * L, q); zz = z + [rnd()]; ot, v_open = [], 0
    for c in names + ('W',):
        fun = [0] * half
        for i, v in E.get(c, {}).items(): fun[i] = v
        if c != 'W':
            w = rhoL * pow(rho, names.index(c), q)
            for i, v in enumerate(eu): fun[i] = (fun[i] + w * v) % q
        column = pad(pad(list(cols[c]), half) + [rnd()], 2 * half); fun = pad(fun, 2 * half); ez = eq_table(zz)
        ot.append((1, [column, fun])); v_open += sum(a * b for a, b in zip(ez, column)) * sum(a * b for a, b in zip(ez, fun))
    initO, roundsO, lastO = sumcheck(ot, zz); assert lastO == v_open % q
    # public parts
    pubZ = 0 if what == 'no offset' else sum(v * (k if what == 'offset per slot' else 1) for k, v in offsets) % q
    pub = 0 if what == 'no pub' else sum(pow(rho, 4 * l + k, q) * v for (l, k), v in pubs.items())
    open_public = (0 - pub) % q                            # nothing is shown
    k0 = [[eq_index(r[rel.block.bits:], rel.block.addr >> rel.block.bits) * m % q for m in ((p.m if p else 0), (c[0] if c else 0), (d[0] if d else 0))]
          for rel, p, c, d in slots]
    ev = dict(zip(names, evals)); act_u, tag_u, T_u, er_u = (sum(a * b for a, b in zip(eu, t)) % q for t in (act, tag, T_, er))
    const = er_u * -(g[1] + g[2] + g[3]) * act_u
    le = {'P': D2 + 0, 'R1': D1, 'R0': 1, 'M': -g[4], 'F0': g[1] * (alpha + beta * beta * tag_u), 'F1': g[2] * (alpha + beta * beta * tag_rng),
          'F2': g[3] * (alpha + beta * beta * tag_rng), 'HT': g[4] * T_u, 'Y': g[5] * (1 - act_u)}
    lam = {c: er_u * v + (delta if c in ('F0', 'F1', 'F2') else -delta if c == 'HT' else 0) for c, v in le.items()}
    lprod = {('F0', 'P'): er_u * g[1], ('F0', 'Y'): er_u * g[1] * beta, ('F1', 'R0'): er_u * g[2], ('F2', 'R1'): er_u * g[3]}
    # tree: sum of words times messages
    s = 0
    for l, cl in enumerate(C):
        sp, rp = pow(sigma, l, q), [zeta * zeta * P(zz) * pow(rho, 4 * l + k, q) for k in range(4)]
        s += (P(x) * sp + zeta * P(u) * k0[l][0]) * cl['s'] + (zeta * P(u) * k0[l][1] + rp[2]) * cl['c'] + (zeta * P(u) * k0[l][2] + rp[3]) * cl['d']
        s += rp[0] * cl['a'] + rp[1] * cl['b'] - f[l] * cl['a'] * cl['b']
    for w, ch, rounds in ((1, x, roundsC), (zeta, u, roundsL), (zeta * zeta, zz, roundsO)):
        for j, (g0, g2, g3) in enumerate(rounds):
            c = ch[j]; s += w * P(ch[j + 1:]) * ((1 - 2 * c) * g0 + (c * c - c) * g2 + (c ** 3 - c) * g3)
    for i, c in enumerate(names): s += (zeta * zeta * P(zz) * rhoL * pow(rho, i, q) - zeta * lam[c]) * ev[c]
    s += sum(-zeta * v * ev[a] * ev[b] for (a, b), v in lprod.items())
    total = zeta * (const - P(u) * pubZ) + zeta * zeta * (v_open - P(zz) * open_public)
    demand((s - total) % q == 0, 'equation')
    # chain: balances from the start state
    balZ, balV, balS, balF = pubZ - initL, open_public - initO, -initC, -lastC
    for l, cl in enumerate(C):
        balZ += sum(k * cl[m] for k, m in zip(k0[l], 'scd')); balS += pow(sigma, l, q) * cl['s']; balF += f[l] * cl['a'] * cl['b']
        balV += sum(pow(rho, 4 * l + k, q) * cl[m] for k, m in enumerate('abcd'))
    balV += rhoL * sum(pow(rho, i, q) * v for i, v in enumerate(evals))
    demand(not any(v % q for v in (balZ, balV, balS, balF)), 'balances')

def prove_and_verify(run, verifier=None, claims=None, shown=None, check=True, full=None):
    """`verifier`: what the verifier gets wrong ('constant', 'dropped', 'no pub', 'no offset'); `claims`: alters the prover's claims;
    `shown`: index ports as the statement lists them."""
    net, ports = run.net, shown or run.ports
    if check: net.check()
    for p in ports.values():
        if p.values is not None: demand(all(0 <= k < p.n for k in p.values.values()), 'range')
    n, nu = 1 << run.nu, run.nu
    col = {c: [v % q for v in x] for c, x in run.col.items()}; run.col = col
    # public columns and table
    tag_no = {t: i + 1 for i, t in enumerate(run.tags)}; tag_no['RNG'] = len(run.tags) + 1
    act, tag = [0] * n, [0] * n
    for r in run.rels:
        for idx in r.block.indices(): i = run.cell(r.block, idx); act[i], tag[i] = 1, tag_no[r.tag]
    table = [(p % q, y % q, tag_no[f]) for f in run.tags for p, y in entries(f)] + [(j, 0, tag_no['RNG']) for j in range(D1)]
    first = {}
    for j, e in enumerate(table): first.setdefault(e, j)
    alpha, beta = rnd(), rnd(); phi = lambda a, b, t: (alpha + a + beta * b + beta * beta * t) % q
    M = [0] * n; F = [[0] * n for _ in range(3)]
    for i in range(n):
        if act[i]:
            for k, e in enumerate([(col['P'][i], col['Y'][i], tag[i]), (col['R0'][i], 0, tag_no['RNG']), (col['R1'][i], 0, tag_no['RNG'])]):
                F[k][i] = pow(phi(*e), -1, q)
                if e in first: M[first[e]] += 1
    HT = [M[j] * pow(phi(*table[j]), -1, q) % q if j < len(table) else 0 for j in range(n)]
    # claims
    r = [rnd() for _ in range(nu)]; eq_r = eq_table(r)
    slots = list(slots_of(run.rels)); C = []
    for rel, p, c, d in slots:
        b = rel.block; pr = split(b.axes, r[:b.bits]); cl = dict(s=0, c=0, d=0, a=0, b=0)
        if p:
            kb = sum(bits(m) for _, m in p.x)
            batch = [a for a in p.x if a in b.axes]; ta, tb = [], []
            for x in range(1 << kb):                       # tables over the cube of the contraction
                px = split(p.x, [x >> j & 1 for j in range(kb)]); pt = {**pr, **px}
                fa, pa = functional(run, p.a, owned(rel, p, 'a'), pt, run.ports); fb, pb = functional(run, p.k, owned(rel, p, 'b'), pt, run.ports)
                e = prod((eq(pr[a][1], px[a][1]) for a, _ in batch), start=1) % q
                ta.append((dot(run, fa) + pa) % q); tb.append((dot(run, fb) + pb) % q)
                cl['s'] = (cl['s'] + e * ta[-1] * tb[-1]) % q
            cl['ta'], cl['tb'] = ta, tb; cl['sum'] = cl['s']
        for name, part in (('c', c), ('d', d)):
            if part: f, pub = functional(run, part[1], owned(rel, None, name), pr, run.ports); cl[name] = (dot(run, f) + pub) % q
        C.append(cl)
    if claims: claims(C, slots)
    # contract
    sigma = rnd()
    demand(sum(pow(sigma, l, q) * cl['s'] for l, cl in enumerate(C)) % q == sum(pow(sigma, l, q) * cl.get('sum', 0) for l, cl in enumerate(C)) % q, 'contract')
    nc = max([sum(bits(m) for _, m in p.x) for _, p, _, _ in slots if p] or [0]); x = [rnd() for _ in range(nc)]
    for (rel, p, _, _), cl in zip(slots, C):
        if p:
            own = x[:sum(bits(m) for _, m in p.x)]; t = eq_table(own)
            cl['a'], cl['b'] = (sum(u * v for u, v in zip(t, cl[k])) % q for k in ('ta', 'tb'))
    # lookup, its parts apart
    offsets, pubs = [], {}
    zstar, lhs = 0, sum(eq_r[i] * (D2 * col['P'][i] + D1 * col['R1'][i] + col['R0'][i]) for i in range(n)) % q
    done = set()
    for (rel, p, c, d), cl in zip(slots, C):
        b = rel.block; theta = eq_index(r[b.bits:], b.addr >> b.bits)
        zstar += theta * ((p.m if p else 0) * cl['s'] + (c[0] if c else 0) * cl['c'] + (d[0] if d else 0) * cl['d'])
        if id(rel) not in done and verifier != 'no offset':
            done.add(id(rel)); off = rel.offset.mle(b.axes, split(b.axes, r[:b.bits]), ports)
            assert off == sum(eq_index(r[:b.bits], b.flat(i)) * rel.offset.at(i, ports) for i in b.indices()) % q    # verifier's formula
            zstar += theta * off; offsets.append((len(rel.products) or 1, theta * off))
    demand(lhs == zstar % q, 'rows')
    demand(not any((1 - act[i]) * col['Y'][i] % q for i in range(n)), 'padding')
    demand((sum(map(sum, F)) - sum(HT)) % q == 0, 'lookups')
    # open
    rho = rnd(); L = len(slots); E = {c: {} for c in ('Y', 'P', 'R1', 'R0', 'W')}; z = [rnd() for _ in range(max(run.nu, run.nuw))]
    Ez = {c: 0 for c in E}; claimed = public = 0
    for l, ((rel, p, c, d), cl) in enumerate(zip(slots, C)):
        b = rel.block; pr = split(b.axes, r[:b.bits])
        pt = {**pr, **(split(p.x, x[:sum(bits(m) for _, m in p.x)]) if p else {})}
        for k, (name, terms) in enumerate((('a', p and p.a), ('b', p and p.k), ('c', c and c[1]), ('d', d and d[1]))):
            w = pow(rho, 4 * l + k, q); claimed += w * cl[name]
            if not terms: continue
            own, at = owned(rel, p, name) if name in 'ab' else b.axes, pt if name in 'ab' else pr
            f, pub = functional(run, terms, own, at, ports, wrong=verifier)
            fz, pubz = functional(run, terms, own, at, ports, z=z, wrong=verifier); assert pub == pubz
            pubs[l, k] = pub
            if verifier != 'no pub': public += w * pub
            for cc, cells in f.items():
                for i, v in cells.items(): E[cc][i] = (E[cc].get(i, 0) + w * v) % q
                Ez[cc] = (Ez[cc] + w * fz[cc]) % q
    for cc in E:                                           # the verifier's extension of each functional is that of its table
        zc = z[:run.nuw if cc == 'W' else run.nu]
        assert sum(eq_index(zc, i) * v for i, v in E[cc].items()) % q == Ez[cc], cc
    demand((claimed - public) % q == dot(run, E), 'open')
    if full:
        cols = {**run.col, 'F0': F[0], 'F1': F[1], 'F2': F[2], 'M': M, 'HT': HT}
        equation(run, slots, C, sigma, x, r, rho, z, cols, E, table, alpha, beta, tag, act, tag_no['RNG'], offsets, pubs, full)
    return L

# ---- tests --------------------------------------------------------------------------------------------------------------------------
T, N, H = 3, 5, 4
I, V, Dx, Ex, Sx = ('i', T), ('v', N), ('d', H), ('e', H), ('s', 2)
def vt(op, read='value', coef=1, maps=None): return Term(coef, op.blocks[0], read, maps or [ident(a) for a in op.axes], op)
def wt(w, axes, coef=1): return Term(coef, w, 'W', [ident(a) if not isinstance(a, Map) else a for a in axes])
def ct(shape_axes, values, coef=1): return Term(coef, Block('const', shape_axes, values=values), 'const', [ident(a) for a in shape_axes])

def network(rules=None):
    """Embedding, a projection with residual and two products, LayerNorm without centring, logits, answers, hidden one-hots."""
    net = Net(); ids, ans = net.port('ids', [T], N), net.port('ans', [T], N, 'answer')
    gen = random.Random(4); ri = lambda k, lo, hi: [gen.randint(lo, hi) for _ in range(k)]
    E = net.weight('E', [N, H], ri(N * H, -300, 300)); Wp = net.weight('Wp', [H, H], ri(H * H, -5, 5)); bias = net.weight('bias', [N], ri(N, -40, 40)); U = net.weight('U', [N, H], ri(N * H, -15, 15))
    x0 = net.add(Op('map', [I, Dx], d=(1, [Term(1, E, 'W', [Map(N, ['i'], port=ids), ident(Dx)])]), g='id', name='embed'))
    rot = ct([I, Dx], [1, 0, -1, 0] * T)
    back = Term(1, x0.blocks[0], 'exact', [Map(T, ['i'], [1], -1), ident(Dx)], x0)      # the token before: dropped at 0
    x1 = net.add(Op('map', [I, Dx], [Product(3, [vt(x0, maps=[ident(I), ident(Ex)])], [wt(Wp, [Ex, Dx])], [Ex]),
                                     Product(1, [back], [rot], [I, Dx])],
                    c=(1, [vt(x0, 'exact'), vt(x0, 'middle', 2), ct([Dx], [5, -4, 0, 1]),
                           Term(1, x0.blocks[0], 'wide', [ident(I), total_map(H)], x0)]), g='relu', name='block'))
    v = net.add(Op('root', [I], [Product(1, [vt(x1, 'exact', maps=[ident(I), ident(Ex)])], [vt(x1, 'exact', maps=[ident(I), ident(Ex)])], [I, Ex])],
                   c=(1, [ct([], [3])]), name='norm'))
    vs = net.add(Op('map', [I], c=(1, [vt(v, 'exact')]), g='id', name='scaled'))
    y = net.add(Op('quotient', [I, Dx], c=(1, [vt(x1, 'wide', 6)]), div=[vt(vs, 'wide'), ct([], [1])], name='ln'))
    lg = net.add(Op('map', [I, V], [Product(3, [vt(y, maps=[ident(I), ident(Ex)])], [wt(U, [V, Ex])], [Ex])], g='id', name='logits'))
    net.add(Op('best', [I, V], [Product(1, [vt(y, maps=[ident(I), ident(Ex)])], [wt(U, [V, Ex])], [Ex])],
               c=(1, [vt(lg, 'value', 5), vt(vs, maps=[ident(I)])]), d=(1, [wt(bias, [V])]), port=ans, name='answer'))
    o = net.add(Op('boolean', [Sx, V], name='hot'))
    net.add(Op('assert', [Sx], c=(1, [Term(1, o.blocks[0], 'value', [ident(Sx), total_map(N)], o), ct([], [-1])]), name='one'))
    net.ports[ids].set([2, 0, 4])
    return net
HOT = {(s, v): int(v == (3, 1)[s]) for s in range(2) for v in range(N)}

def scores(net):
    """The expression of `Best`, from an honest run with any answer."""
    net.ports['ans'].set([0] * T); run = Run(net, {'hot': HOT}); op = next(o for o in net.ops if o.kind == 'best')
    return [[run.z(op.products, op.c, op.d, op.axes, (i, v)) for v in range(N)] for i in range(T)]

RESULTS = []
def expect(check, what, fn):
    try: got = fn(); got = 'accepted'
    except Refused as e: got = e.check
    assert got == check, (what, 'expected', check, 'got', got)
    RESULTS.append((check, what))

def whole():
    net = network(); S = scores(net); best = [s.index(max(s)) for s in S]; second = [sorted(range(N), key=lambda v: (-s[v], v))[1] for s in S]
    net.ports['ans'].set(best); good = lambda **k: Run(net, {'hot': HOT}, **k)
    run = good(); L = prove_and_verify(run, full='honest'); print(f'whole network: {len(run.rels)} relations, {L} slots, nu={run.nu}, answers {best}')
    op = {o.name: o for o in net.ops}
    for i, what in ((0, 'the second-best answer'),):
        a = list(best); a[i] = second[i]; net.ports['ans'].set(a); expect('lookups', what, lambda: prove_and_verify(good()))
    net.ports['ans'].set(best)
    expect('lookups', 'quotient one up', lambda: prove_and_verify(good(hook={'quotient': lambda o, idx, y: y + (idx == (1, 2))})))
    expect('lookups', 'quotient one down', lambda: prove_and_verify(good(hook={'quotient': lambda o, idx, y: y - (idx == (1, 2))})))
    expect('lookups', 'root one up', lambda: prove_and_verify(good(hook={'root': lambda o, idx, v: v + (idx == (1,))})))
    expect('lookups', 'root one down', lambda: prove_and_verify(good(hook={'root': lambda o, idx, v: v - (idx == (1,))})))
    expect('lookups', 'negative root: top digit', lambda: prove_and_verify(good(hook={'root': lambda o, idx, v: -v if idx == (1,) else v})))
    def other_row(block, idx, n): return n + 6 if block is op['ln'].blocks[1] and idx == (0, 0) else n
    expect('rows', 'block 2 of another divisor', lambda: prove_and_verify(good(hook={'digits': other_row})))
    def sq(C, slots):
        l = next(k for k, (r, p, *_ ) in enumerate(slots) if r.block is op['norm'].blocks[1] and p is r.products[1]); C[l]['s'] += 1
    expect('contract', "v^2 of another v (the slot's sum), digits left", lambda: prove_and_verify(good(), claims=sq))
    # index ports
    other = {k: Port(p.shape, p.n, p.role) for k, p in net.ports.items()}
    for k in other: other[k].values = dict(net.ports[k].values)
    other['ids'].values[(1,)] = 3
    expect('open', 'gather of other ids than those absorbed', lambda: prove_and_verify(good(), shown=other))
    other['ids'].values[(1,)] = 0; other['ans'].values[(0,)] = second[0]
    expect('rows', 'answers other than those absorbed (the offset; else OPEN)', lambda: prove_and_verify(good(), shown=other)) if (second[0] != best[0]) else None
    other['ans'].values[(0,)] = N
    expect('range', 'an id out of range', lambda: prove_and_verify(good(), shown=other))
    # public parts
    for wrong, check in (('constant', 'open'), ('dropped', 'open'), ('no pub', 'open'), ('no offset', 'rows')):
        expect(check, f'verifier: {wrong}', lambda: prove_and_verify(good(), verifier=wrong))
    for what in ('no pub', 'no offset', 'offset per slot'): expect('equation', f'total: {what}', lambda: prove_and_verify(good(), full=what))
    # slots
    pair = lambda slots: [k for k, (r, *_ ) in enumerate(slots) if r.block is op['block'].blocks[0]]
    def second_c(C, slots): C[pair(slots)[1]]['c'] = 5
    expect('open', 'c in a second slot', lambda: prove_and_verify(good(), claims=second_c))
    def second_d(C, slots): C[pair(slots)[1]]['d'] = 5
    expect('open', 'd in a second slot', lambda: prove_and_verify(good(), claims=second_d))
    def moved(C, slots):
        l, m = pair(slots); C[l]['s'], C[m]['s'] = (C[l]['s'] + 1) % q, (C[m]['s'] - 3) % q               # 3*(+1) + 1*(-3) = 0 in Z*
    expect('contract', "a product's sum moved to the relation's other slot", lambda: prove_and_verify(good(), claims=moved))
    def swapped(C, slots):
        l = pair(slots)[0]; m = next(k for k, (r, p, *_ ) in enumerate(slots) if r.block is op['logits'].blocks[0])
        C[l]['s'], C[m]['s'] = C[m]['s'], C[l]['s']
    expect('contract', "a product in another relation's slot", lambda: prove_and_verify(good(), claims=swapped))
    # padding: op 'hot' has shape (2,5): v = 5 is a padding cell
    pad = op['hot'].blocks[0].addr + 6
    def set_(c, v): return lambda: prove_and_verify(good(hook={'after': lambda run: run.col[c].__setitem__(pad, v)}))
    expect('padding', 'Y on a row of padding', set_('Y', 1)); expect('rows', 'a digit on a row of padding', set_('R0', 1))
    def zero_sum(run): run.col['P'][pad], run.col['R1'][pad] = 1, -D1
    expect('accepted', 'digits on padding that sum to 0: free, and nothing reads them', lambda: prove_and_verify(good(hook={'after': zero_sum})))
    # hidden one-hots
    def hot(change): return lambda: prove_and_verify(Run(net, {'hot': {**HOT, **change}}))
    expect('lookups', 'a one-hot with a 2', hot({(0, 3): 2})); expect('lookups', 'two ones', hot({(0, 0): 1}))
    expect('lookups', 'no one (an Assert that is not zero)', hot({(0, 3): 0}))
    def squeezed(block, idx, n): return n % D2 if block is op['one'].blocks[0] else n
    expect('rows', 'no one, and digits in range', lambda: prove_and_verify(Run(net, {'hot': {**HOT, (0, 3): 0}}, hook={'digits': squeezed})))

def little(kind, Z, Dv=None, wild=None, n=1, **hook):
    """One operation on shown integers; `wild`: Z is a weight, any element of F."""
    net = Net(); A = ('o', n)
    if wild is None: z = ('c', (1, [ct([A], list(Z))]))
    else: z = ('d', (1, [wt(net.weight('w', [n], wild), [A])]))
    kw = {z[0]: z[1]}
    if kind == 'quotient': kw['div'] = [ct([A], list(Dv))]
    if kind == 'best': net.port('k', [], n, 'answer'); kw['port'] = 'k'
    op = net.add(Op(kind, [A], **kw, **({'g': 'id'} if kind == 'map' else {})))
    if kind == 'best': net.ports['k'].set([hook.pop('k')])
    return Run(net, hook=hook), op

def single():
    p = lambda *a, **k: lambda: prove_and_verify(little(*a, **k)[0])
    fix = lambda y: {'quotient': lambda o, i, _: y}
    half = D2 // 2
    for Z, D, y in ((7, 2, 4), (-7, 2, -3), (5, 2, 3), (0, 1, 0), (-8 * half, half, -8), (7 * half + half // 2 - 1, half, 7), (3, 6, 1), (-3, 6, 0)):
        run, op = little('quotient', [Z], [D]); prove_and_verify(run); assert run.col['Y'][op.blocks[0].addr] == y % q, (Z, D)
        for w in range(-8, 8): w == y or expect('lookups', f'quotient {Z}/{D} = {w}', p('quotient', [Z], [D], **fix(w)))
    RESULTS[:] = [r for r in RESULTS if not r[1].startswith('quotient ') or r[1] in ('quotient one up', 'quotient one down')]
    for D in (0, -1, -5):
        for w in range(-8, 8): expect('lookups', 'divisor zero or negative', p('quotient', [3], [D], **fix(w)))
    expect('lookups', 'lo at 2D (a tie taken down)', p('quotient', [3], [6], **fix(0)))
    expect('lookups', 'D = 2^(2B-1) + 1 is beyond completeness for some Z', p('quotient', [half // 2], [half + 1]))
    # wild weights: a Z made to suit Y' = 5 suits no other
    D = 11
    for lo in (0, 3, 21):
        w = (lo + 2 * D * 5 - D) * pow(2, -1, q) % q
        ok = [y for y in range(-8, 8) if _ok(lambda: prove_and_verify(little('quotient', [0], [D], wild=[w], **fix(y))[0]))]
        assert ok == [5], ok
    RESULTS.append(('lookups', 'a wild weight made for two quotients'))
    for w in (pow(2, -1, q), q - 7, 49, 50, rnd()):
        ok = [v for v in list(range(40)) if _ok(lambda: prove_and_verify(little('root', [0], wild=[w], root=lambda o, i, _: v)[0]))]
        assert len(ok) <= 1 and (w not in (49, 50) or ok == [7]), ok
    RESULTS.append(('lookups', 'a wild weight made for two roots'))
    for sc in ([4, 9, 9, 1], [5, 5, 5, 5], [1, 2, 3, 9], [0, D3 - 1, 0, 0], [rnd(), 1, 2, 3], [q - 1, 0, 0, q - 2]):
        ok = [k for k in range(4) if _ok(lambda: prove_and_verify(little('best', [0], wild=sc, n=4, k=k)[0]))]
        s = [small(x) for x in sc]; assert len(ok) <= 1 and (max(s) - min(s) >= D3 or ok == [s.index(max(s))]), (sc, ok)
    RESULTS.append(('lookups', 'a wild weight made for two answers; a tie broken to the later index'))
    assert not _ok(lambda: prove_and_verify(little('best', [0, D3, 0, 0], n=4, k=1)[0]))                 # margin 2^3B: cannot be proved
    # a divisor without axes: contraction of no variables; and one that reads one axis of two
    for div, axes in (([ct([], [5])], [('o', 3)]), ([ct([('p', 3)], [2, 7, 11])], [('o', 2), ('p', 3)])):
        net = Net(); n = prod(k for _, k in axes); zs = [(-1) ** k * (3 * k + 1) for k in range(n)]
        op = net.add(Op('quotient', axes, c=(1, [ct(axes, zs)]), div=div)); run = Run(net); prove_and_verify(run, full='honest')
        for i, Z in zip(op.blocks[0].indices(), zs):
            D = 5 if len(axes) == 1 else (2, 7, 11)[i[1]]; assert run.col['Y'][run.cell(op.blocks[0], i)] == (2 * Z + D) // (2 * D) % q
    # exact and wide at the ends of the range, which exceed 2^(3B-1) in absolute value
    net = Net(); A = ('o', 4); ends = [-D3 // 2 - HALF, D3 // 2 - HALF - 1, -1, 0]
    m = net.add(Op('map', [A], c=(1, [ct([A], ends)]), g='id')); net.add(Op('map', [A], c=(1, [vt(m, 'wide', 16), vt(m, 'wide', -16)]), g='id'))
    run = Run(net); prove_and_verify(run)
    got = [(run.view([vt(m, 'exact')], {'o': i}), run.view([vt(m, 'wide')], {'o': i})) for i in range(4)]
    assert [tuple(map(small, g)) for g in got] == [(e, e >> B) for e in ends] and ends[0] < -D3 // 2
    assert not _ok(lambda: prove_and_verify(little('map', [ends[1] + 1])[0])) and not _ok(lambda: prove_and_verify(little('map', [ends[0] - 1])[0]))
    for v in (0, 1, D3 // 2 - 1):
        for Z in (v * v, v * v + 2 * v):
            run, op = little('root', [Z]); prove_and_verify(run)
    expect('lookups', 'root at 2^(3B-1): lo does not fit', p('root', [(D3 // 2) ** 2 + D3]))

def _ok(fn):
    try: fn(); return True
    except Refused: return False

def fields():
    """Small field: a divisor may be any element of F (so it may read weights)."""
    p, b = 1009, 2; d2, d3 = 1 << 2 * b, 1 << 3 * b
    for D in range(p):
        for Z in range(0, p, 3):
            n = sum(1 for y in range(-2, 2) for lo in [(2 * Z - 2 * D * y + D) % p] if lo < d2 and (2 * D - 1 - lo) % p < d3)
            assert n <= 1

def descriptors():
    def d(check, what, change):
        net = network(); op = {o.name: o for o in net.ops}; change(net, op); expect(check, what, net.check)
    d('ReadsLater', 'a view that reads its own operation', lambda n, o: o['block'].c[1].append(vt(o['block'])))
    d('ReadsLater', 'a view that reads a later one', lambda n, o: o['embed'].__setattr__('c', (1, [vt(o['logits'], maps=[ident(I), Map(N, ['d'], [1])])])))
    d('NotOffered', 'the second block of a Quotient', lambda n, o: o['logits'].__setattr__('c', (1, [Term(1, o['ln'].blocks[1], 'value', [ident(I), Map(H, ['v'], [1])], o['ln'])])))
    d('NotOffered', 'an exact read of a Quotient', lambda n, o: o['logits'].__setattr__('c', (1, [vt(o['ln'], 'exact', maps=[ident(I), Map(H, ['v'], [1])])])))
    d('AssertReads', 'an Assert with weights', lambda n, o: o['one'].__setattr__('d', (1, [wt(n.weights[2], [total_map(N)])])))
    d('BestAxis', 'Best: axis read by both factors', lambda n, o: o['answer'].products[0].a.append(wt(n.weights[2], [V])))
    d('BestAxis', 'Best: batch axis', lambda n, o: o['answer'].products[0].x.append(V))
    d('BestAxis', 'Best: through another map', lambda n, o: o['answer'].d[1].append(wt(n.weights[2], [Map(N, ['v'], [-1], N - 1)])))
    d('BestAxis', 'Best: a gathered factor that reads a port axis, too', lambda n, o: o['answer'].products[0].k.append(vt(o['logits'])))
    d('GatherShape', 'a gather of another length', lambda n, o: n.ports['ids'].__setattr__('n', N + 1))
    d('GatherShape', "index axes of other lengths than the port's", lambda n, o: n.ports['ids'].__setattr__('shape', [T - 1]))
    d('ConstantLength', 'a constant of the wrong length', lambda n, o: o['block'].c[1].append(ct([Dx], [1, 2])))
    d('Unanswered', 'an answer port that no Best is about', lambda n, o: n.port('free', [T], N, 'answer'))
    d('GathersAnswer', 'a gather of an answer', lambda n, o: o['embed'].d[1][0].maps.__setitem__(0, Map(N, ['i'], port='ans')))
    d('RangeBound', 'a bound above q/2 reached through exact reads', lambda n, o: o['norm'].products.append(
        Product(1 << 62, [vt(o['block'], 'exact', 1 << 90, [ident(I), ident(Ex)])], [vt(o['block'], 'exact', 1 << 90, [ident(I), ident(Ex)])], [I, Ex])))

if __name__ == '__main__':
    import time; t = time.time()
    fields(); single(); whole(); descriptors()
    seen = {}
    for check, what in RESULTS: seen.setdefault((check, what), 0)
    for check, what in seen: print(f'  {check:15} {what}')
    print(f'{len(seen)} cheats and rules, {time.time() - t:.1f} s')

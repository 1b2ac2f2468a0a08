"""Attacks on weakened readings of committed steps (../protocol.md, §5), each followed by the same attack on what the page says: the first has to succeed,
or the model could not tell the difference, and the second has to be refused by the check named.  Run it: it fails if one ends otherwise."""
import committed_steps as m
from committed_steps import *
FL = m.FLAGS
WANT = iter(['ACCEPTED', 'sum of shares', 'ACCEPTED', 'sum of shares', 'ACCEPTED', 'ACCEPTED', 'opening: value', 'ACCEPTED', 'opening: value', 'ACCEPTED', 'opening: value',
             'opening: value', 'ACCEPTED', 'opening: value', 'ACCEPTED'])
def run(name, net, cheat, flags=(), use_mu=True, again=None):
    FL.clear(); FL.update(flags); m.LAST.clear()
    pf = prove(net, cheat)
    if again: again(pf)
    m.LAST.clear()
    try: verify(pf, use_mu); got = 'ACCEPTED'
    except Refused as e: got = f'refused by {e}'
    print(f'{name:95s} {got}'); FL.clear(); want = next(WANT); assert want in got, (name, want); return got
net = Network(7)
run('honest, merged with the columns', net, {}, {'merge'})
run('false statement (Z* off by one), nothing else', net, {'false statement': 1})
run('1. false statement, slot L+1 carries -delta of evaluation M; words of unused slots as in par. 6', net, {'false statement': 1, 'slot beyond L': 1}, {'unused words'})
run('   same, words of unused slots 0', net, {'false statement': 1, 'slot beyond L': 1})
run('2. false statement, zeta drawn before col~(z) (col~ then fitted; column opening not modelled)', net, {'false statement': 1, 'early zeta': 1}, {'early zeta'})
# u of the random leaf not absorbed before the levels
def fake_u(pf):
    try: verify(pf)
    except Refused: pass
    rs = m.LAST['r']
    u, n = [1] * pf['net'].T + [0], None; cm = [0] * pf['net'].T + [1]
    def fold(v, rs):
        for r in rs: v = [(a + r * b) % q for a, b in zip(v[::2], v[1::2])] + v[len(v) - len(v) % 2:]
        return v[0]
    base, coef = fold(u, rs), fold(cm, rs); mk, me, um = pf['mask']
    pf['mask'] = (mk, me, (um - base * pow(coef, -1, q)) % q)
run('3. all messages null, D_0 = total: any statement; u of the random leaf chosen after r', net, {'null': 1, 'false statement': 1}, {'u unbound'}, again=fake_u)
run('   same, u absorbed', net, {'null': 1, 'false statement': 1}, again=fake_u)
def fake_e(pf):
    try: verify(pf)
    except Refused: pass
    rs = m.LAST['r']; C, ce, u, x = m.LAST['root']; w, _, e, _ = pf['root']; need = residue(w, u, x)
    coef = [0] * pf['net'].T + [1]
    for r in rs: coef = [(a + r * r * b) % q for a, b in zip(coef[::2], coef[1::2])] + coef[len(coef) - len(coef) % 2:]
    d = [(a - b) * pow(coef[0], -1, q) % q for a, b in zip(need, e)]; mk, me, um = pf['mask']
    pf['mask'] = (mk, me.plus(Point({('e', i): v for i, v in enumerate(d)})), um); pf['root'] = (w, u, need, x)
run('4. false share; comm_E of the random leaf chosen after r', net, {'false claim': 1, 'wrong share': 1}, {'E unbound'}, again=fake_e)
run('   same, comm_E absorbed', net, {'false claim': 1, 'wrong share': 1}, again=fake_e)
# a message of the right leaf of pair 0 mended through comm_T
tgt = RANGE['R1'][0]
def lateT():
    c = late('V', 1, tgt); x = c.pop(('extra', 1, 'V')); c['T extra'] = x; return c
run('5. message of step 1 altered through comm_T of its pair, no powers of mu', net, lateT(), use_mu=False)
run('   same, with powers of mu', net, lateT())
# every later segment -> every earlier range
bad = []
for seg in ('V',):
    for i in range(net.T):
        for mm in MESSAGES:
            name = next(k for k in RANGE if mm in RANGE[k])
            if name == 'V' or m.MESSAGES.index(mm) < 0: continue
            try: c = late(seg, i, mm); a = outcome(net, c); b = outcome(net, late(seg, i, mm), use_mu=False)
            except ValueError: continue      # word is 0
            bad.append((a, b))
print('   every message with a non-zero word through V:', len(bad), 'with mu accepted:', sum('acc' in a for a, _ in bad), 'without:', sum('acc' in b for _, b in bad))
assert not any('acc' in a for a, _ in bad) and sum('acc' in b for _, b in bad) > 40
# merged argument
FL.clear()
# a lie about col~(z) alone breaks the sum of shares; so make E_O fit: false OPEN round message before z, mended by col~(z)
def merged_cheat():
    box = {}
    def column_lie(s, net):
        box['s'] = s
        # last OPEN round was sent with g2+1 -> E_O is off by (c^2-c); the lie mends it
        c = s.z[-1]; s2 = functionals(net, s)['M']; box['d'] = (c * c - c) * pow(s2, -1, q) % q; return box['d']
    def extra():
        s = box['s']; j = (COLS + ['W']).index('M')
        return {('y', 0): pow(s.eta, j, q) * box['d'] * pow(eq(s.z, 0), -1, q) % q}
    return {'column lie': column_lie, ('round', net.rounds - 1): 1, 'extra': extra}
c = merged_cheat(); ex = c.pop('extra'); c[('extra', 0, 'V')] = ex
run('6. col~(z) false, mended by a component of V_0 on row generators; merged, separate power of mu', net, c, {'merge'})
c = merged_cheat(); ex = c.pop('extra'); c[('extra', 0, 'V')] = ex
run('   same, no separation at all (one commitment, mu = 1)', net, c, {'merge'}, use_mu=False)
c = merged_cheat(); ex = c.pop('extra'); c[('extra', 0, 'V')] = ex
run('   same, y merged with power mu^0 (that of Z), component in V', net, c, {'merge', 'merge without power'})
c = merged_cheat(); ex = c.pop('extra'); c[('extra', 0, 'V')] = ex
run("   same, y merged with V's power (a power that is not y's own)", net, c, {'merge', 'merge at V'})
assert next(WANT, None) is None

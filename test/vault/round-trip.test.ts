import { describe, expect, it } from 'vitest';
import { newVault } from '../harness.ts';

describe('a value in, a token out, and back for a purpose', () => {
  it('gives the value back only for the granted purpose', async () => {
    const { add, host } = await newVault();
    const { vault } = await add(['tokenise:cards', 'detokenise:cards@settlement']);
    const { items } = await vault.tokenise({
      items: [{ collection: 'cards', value: '4111 1111 1111 1111' }],
    });
    const [item] = items;
    const token = item !== undefined && 'token' in item ? item.token : '';
    expect(token).toMatch(/^411111\d{6}1111$/);

    const back = await vault.detokenise({ purpose: 'settlement', items: [{ collection: 'cards', token }] });
    expect(back.items).toEqual([{ value: '4111111111111111' }]);
    const refused = await vault.detokenise({ purpose: 'support', items: [{ collection: 'cards', token }] });
    expect(refused.items).toMatchObject([{ error: { code: 'purpose_not_allowed' } }]);
    expect(await host.audit.verify()).toMatchObject({ ok: true, rows: 1, findings: [] });
  });
});

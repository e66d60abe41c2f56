// By country: its BBAN as the registry writes it, fixed lengths of n digits, a upper-case letters and c either; and
// where the bank code stands in it. The 89 of the SWIFT IBAN registry (ISO 13616), then countries that use IBANs without
// being in it. Each entry is country, structure, end of the bank code or its start and end.
const REGISTERED = `
  AD 8n12c 4      AE 19n 3        AL 8n16c 3      AT 16n 5        AZ 4a20c 4      BA 16n 3        BE 12n 3
  BG 4a6n8c 4     BH 4a14c 4      BI 23n 5        BR 23n1a1c 8    BY 4c4n16c 4    CH 5n12c 5      CR 18n 4
  CY 8n16c 3      CZ 20n 4        DE 18n 8        DJ 23n 5        DK 14n 4        DO 4c20n 4      EE 16n 2
  EG 25n 4        ES 20n 4        FI 14n 3        FK 2a12n 2      FO 14n 4        FR 10n11c2n 5   GB 4a14n 4
  GE 2a16n 2      GI 4a15c 4      GL 14n 4        GR 7n16c 3      GT 24c 4        HN 4a20n 4      HR 17n 7
  HU 24n 3        IE 4a14n 4      IL 19n 3        IQ 4a15n 4      IS 22n 2        IT 1a10n12c 1-6 JO 4a4n18c 4
  KW 4a22c 4      KZ 3n13c 3      LB 4n20c 4      LC 4a24c 4      LI 5n12c 5      LT 16n 5        LU 3n13c 3
  LV 4a13c 4      LY 21n 3        MC 10n11c2n 5   MD 20c 2        ME 18n 3        MK 3n10c2n 3    MN 16n 4
  MR 23n 5        MT 4a5n18c 4    MU 4a19n3a 6    NI 4a20n 4      NL 4a10n 4      NO 11n 4        OM 3n16c 3
  PK 4a16c 4      PL 24n 8        PS 4a21c 4      PT 21n 4        QA 4a21c 4      RO 4a16c 4      RS 18n 3
  RU 14n15c 9     SA 2n18c 2      SC 4a20n3a 6    SD 14n 2        SE 20n 3        SI 15n 5        SK 20n 4
  SM 1a10n12c 1-6 SO 19n 4        ST 21n 4        SV 4a20n 4      TL 19n 3        TN 20n 2        TR 6n16c 5
  UA 6n19c 6      VA 18n 3        VG 4a16n 4      XK 16n 2        YE 4a4n18c 4`;
const UNREGISTERED = `
  AO 21n 4        BF 2c22n 5      BJ 2c22n 5      CF 23n 5        CG 23n 5        CI 2c22n 5      CM 23n 5
  CV 21n 4        DZ 22n 3        GA 23n 5        GQ 23n 5        GW 2c19n 5      IR 22n 3        KM 23n 5
  MA 24n 3        MG 23n 5        ML 2c22n 5      MZ 21n 4        NE 2c22n 5      SN 2c22n 5      TD 23n 5
  TG 2c22n 5`;

export interface IbanCountry {
  readonly code: string;
  /** One of n, a and c for each character of the BBAN. */
  readonly kinds: string;
  /** Where the bank code stands in the BBAN; `to` is past its end. */
  readonly bank: { readonly from: number; readonly to: number };
  readonly bban: RegExp;
}

const MATCHED: Readonly<Record<string, string>> = { n: '[0-9]', a: '[A-Z]', c: '[A-Z0-9]' };

function countryOf(entry: string): IbanCountry {
  const [code = '', structure = '', bank = ''] = entry.trim().split(/\s+/);
  const parts = [...structure.matchAll(/(\d+)([nac])/g)].map(([, count, kind = '']) => ({
    count: Number(count),
    kind,
  }));
  const [from, to] = bank.includes('-') ? bank.split('-').map(Number) : [0, Number(bank)];
  return {
    code,
    kinds: parts.map(({ count, kind }) => kind.repeat(count)).join(''),
    bank: { from: from ?? 0, to: to ?? 0 },
    bban: new RegExp(`^${parts.map(({ count, kind }) => `${MATCHED[kind]}{${count}}`).join('')}$`),
  };
}

export const IBAN_COUNTRIES: ReadonlyMap<string, IbanCountry> = new Map(
  (REGISTERED + UNREGISTERED)
    .match(/[A-Z]{2}\s+[0-9nac]+\s+[0-9-]+/g)
    ?.map(countryOf)
    .map((country) => [country.code, country]),
);

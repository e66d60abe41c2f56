// Characters of an IBAN by country: the SWIFT registry (ISO 13616), then countries that use IBANs unregistered.
const LENGTHS: ReadonlyMap<string, number> = new Map(
  `AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29
  ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20
  LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29
  PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20
  YE30
  AO25 BF28 BJ28 CF27 CG27 CI28 CM27 CV25 DZ26 GA27 GQ27 GW25 IR26 KM27 MA28 MG27 ML28 MZ25 NE28 SN28 TD27 TG28`
    .split(/\s+/)
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/**
 * An IBAN of a known country begins at `start`, has exactly its country's length, ends where a word does and
 * passes mod 97 (ISO 7064). Either case; a single separator is allowed between any two characters.
 */
export function ibanStartsAt(text: string, start: number, separator: RegExp): boolean {
  const length = LENGTHS.get(text.slice(start, start + 2).toUpperCase());
  if (length === undefined) return false;
  let iban = '';
  let at = start;
  while (iban.length < length) {
    if (iban !== '' && separator.test(text.charAt(at))) at++;
    const character = text.charAt(at++);
    if (!isAlphanumeric(character)) return false;
    iban += character;
  }
  return !isAlphanumeric(text.charAt(at)) && mod97(iban.slice(4) + iban.slice(0, 4)) === 1;
}

function isAlphanumeric(character: string): boolean {
  return /^[A-Za-z0-9]$/.test(character);
}

function mod97(rearranged: string): number {
  let remainder = 0;
  for (const character of rearranged) {
    const number = Number.parseInt(character, 36);
    remainder = (remainder * (number < 10 ? 10 : 100) + number) % 97;
  }
  return remainder;
}

const year = String.raw`(?:[02468][048]|[13579][26])00|\d\d(?:0[48]|[2468][048]|[13579][26])`;
const date = String.raw`(?:\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))|(?:${year})-02-29)`;
const time = String.raw`(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)`;
const byte = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const word = '[A-Za-z0-9_+-]{1,32}';

/** Regular expressions of the formats that are enforced. Any other one is a remark, as the standard has it. */
export const formats: Readonly<Record<string, string>> = {
  date,
  time,
  'date-time': `${date}T${time}`,
  uuid: '[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}',
  ipv4: String.raw`(?:${byte}\.){3}${byte}`,
  hostname: String.raw`${label}(?:\.${label}){0,3}`,
  email: String.raw`${word}(?:\.${word}){0,3}@${label}(?:\.${label}){0,2}\.[A-Za-z]{2,24}`,
};

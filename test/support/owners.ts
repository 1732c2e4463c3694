/** A place where other processes are seen than where `owner` lives. */
export const elsewhereOf = (owner: string): string => (owner.endsWith('-00000000') ? '10000000' : '00000000');

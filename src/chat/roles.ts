/** Other names of the roles that templates know. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ['developer', 'system'],
  ['human', 'user'],
  ['ai', 'assistant'],
  ['bot', 'assistant'],
  ['model', 'assistant'],
  ['function', 'tool'],
]);

/** The name that templates know a role by: in small letters, a developer is the system. */
export function roleOf(name: string): string {
  const role = name.toLowerCase();
  return otherNames.get(role) ?? role;
}

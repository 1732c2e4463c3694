/**
 * Arguments of a call as an object, for APIs that have them so. A model may write anything: what is no object of JSON
 * becomes the text of the member `arguments`, and the tool can say what it wants instead.
 */
export function argumentsObject(json: string): object {
  if (json.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Told to the tool below.
  }
  return { arguments: json };
}

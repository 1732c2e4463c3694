/**
 * Text from a file, safe to show in a line: without the control characters that a terminal would obey, and without those
 * that turn the direction of writing or break lines. What joins letters and emoji stays.
 */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu, '\uFFFD');

/**
 * Text of several lines, safe to show. Marks of one character's direction are part of Hebrew and Arabic text; what turns
 * all that follows is not shown.
 */
export const showable = (text: string): string =>
  text.replaceAll('\r', '').replace(/[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu, '\uFFFD');

/** JSON that says the same, with escapes for what `printable` leaves out. */
export const escapeUnprintable = (json: string): string =>
  json.replace(
    /[\u007f-\x9f\p{Bidi_Control}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/**
 * Text from a file, safe to show in a line: without control characters, which a terminal would obey, and without those
 * that turn the direction of writing or break lines. Characters that join letters and emoji stay.
 */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu, '\uFFFD');

/**
 * Text of several lines, safe to show. Marks of one character's direction are part of Hebrew and Arabic text and stay;
 * characters that turn the direction of longer text do not.
 */
export const showable = (text: string): string =>
  text.replaceAll('\r', '').replace(/[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu, '\uFFFD');

/** The same JSON with escapes for the characters that `printable` leaves out. */
export const escapeUnprintable = (json: string): string =>
  json.replace(
    /[\u007f-\x9f\p{Bidi_Control}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

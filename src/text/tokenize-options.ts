/** Options of making a text into tokens. */
export interface TokenizeOptions {
  /** Puts the tokens around the text that the model wants there: mostly one that begins it. */
  readonly addSpecial: boolean;
  /** Reads the names of control tokens in the text as these tokens, not as text. */
  readonly parseSpecial: boolean;
  /** Tokens that there is room for; default: any number. */
  readonly most?: number | undefined;
  /** Tokens before the text, which count as well; default: none. */
  readonly before?: number | undefined;
}

/** Options of making tokens into bytes. */
export interface PieceOptions {
  /** Writes control tokens by name instead of as nothing. */
  readonly special: boolean;
}

/** The tokens of a part of a text, and its UTF-16 units. */
export interface TextPart {
  readonly tokens: Int32Array;
  readonly units: number;
}

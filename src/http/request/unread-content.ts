/** Names of parts of contents that no text model reads, by their types in all APIs. */
const inputs: Readonly<Record<string, string>> = {
  image: 'image',
  image_url: 'image',
  input_image: 'image',
  audio: 'audio',
  input_audio: 'audio',
  audio_url: 'audio',
  video_url: 'video',
};

/** The reason to refuse a part of a content that is no text. A placeholder would let the model talk about what it never saw. */
export function unreadContent(type: string): string {
  const input = Object.hasOwn(inputs, type) ? inputs[type] : undefined;
  const what = `content of type "${type}"`;
  if (input === undefined) return `${what} is not supported yet`;
  return `${input} input is not supported yet: the model reads text alone, no ${what}`;
}

/** Architectures that libllama takes a text on with, by `general.architecture`. */
export const decodableArchitectures: readonly string[] = `
  afmoe apertus arcee arctic arwkv7 baichuan bailingmoe bailingmoe2 bailingmoe3 bitnet
  bloom chameleon chatglm codeshell cogvlm cohere2 cohere2moe command-r dbrx deci
  deepseek deepseek2 deepseek2-ocr deepseek32 deepseek4 dots1 dots3note ernie4_5
  ernie4_5-moe exaone exaone-moe exaone4 falcon falcon-h1 gemma gemma2 gemma3 gemma3n
  gemma4 glm-dsa glm4 glm4moe gpt-oss gpt2 gptneox granite granite_swa granitehybrid
  granitemoe graniteswitch grok grovemoe hunyuan-dense hunyuan-moe hunyuan_vl hy_v3
  internlm2 jais jais2 jamba kimi-k3 kimi-linear laguna lfm2 lfm2moe
  llama llama4 maincoder mamba mamba2 mellum mimo2 minicpm minicpm3 minimax-01
  minimax-m2 minimax-m3 mistral3 mistral4 mpt muse-glimmer nanbeige nemotron nemotron_h
  nemotron_h_moe olmo olmo2 olmoe openelm orion paddleocr pangu-embedded phi2 phi3
  phimoe plamo plamo2 plamo3 pockettts qwen qwen2 qwen2moe qwen2vl qwen3 qwen35
  qwen35moe qwen3moe qwen3next qwen3tts qwen3vl qwen3vlmoe qwen4exp refact rwkv6
  rwkv6qwen2 rwkv7 seed_oss smallthinker smollm3 stablelm starcoder starcoder2 step35
  talkie xverse
`
  .trim()
  .split(/\s+/);

const masks = 'it fills in masked tokens, and predicts no next one';
const drafts = 'it drafts for another model, with whose states it must be run';

/** Architectures that are neither these nor encoders, though libllama knows them, and the reason why none of their models is run. */
export const refusedArchitectures: ReadonlyMap<string, string> = new Map([
  ['clip', 'it sees images, and is a part of another model'],
  ['dflash', drafts],
  ['dream', masks],
  ['eagle3', drafts],
  ['gemma4-assistant', drafts],
  ['gptj', 'libllama knows only its name'],
  ['llada', masks],
  ['llada-moe', masks],
  ['plm', 'libllama fails to build its graphs'],
  ['rnd1', masks],
  ['t5', 'its decoder needs what an encoder makes of another text; its encoder alone ("t5encoder") makes embeddings'],
  ['wavtokenizer-dec', 'it makes sound of codes, no next token'],
]);

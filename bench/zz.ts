import { greedy, oracleLogits } from '../test/support/oracle.ts';
import { nmse } from '../test/support/logits.ts';
import { loadLlama } from '../src/ggml/llama.ts';
import { smollm2 } from '../test/support/smollm2.ts';
const S=await smollm2();
const l = loadLlama(); const m = l.loadVocabularyModel(S); const v = l.llama_model_get_vocab(m);
const tok=(s:string)=>{const b=Buffer.from(s);const t=new Int32Array(500);const n=l.llama_tokenize(v,b,b.length,t,500,true,true);return [...t.subarray(0,n)]};
const text=(ts:readonly number[])=>Buffer.concat(ts.map(t=>{const p=new Uint8Array(64);const n=l.llama_token_to_piece(v,t,p,64,0,true);return p.subarray(0,n)})).toString();
for (const q of ['Why is the sky blue?','Write a short poem about the sea.','What is the capital of France?']) {
const prompt = tok(`<|im_start|>user\n${q}<|im_end|>\n<|im_start|>assistant\n`);
const show=(f:string,n:number,base:string)=>{const t=performance.now(); const g=greedy(f,prompt,n,1); const ms=performance.now()-t; const b=oracleLogits(base,prompt,{context:256,which:'last'})[0]!; const a=oracleLogits(f,prompt,{context:256,which:'last'})[0]!; console.log(f.split('/').at(-1), (ms/n).toFixed(0)+'ms/tok','nmse',nmse(a,b).toExponential(1), JSON.stringify(text(g)));};
for (const f of process.argv.slice(2)) show(f, 30, process.argv[2]!);
}

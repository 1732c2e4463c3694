// What a budget would give, before a weight is read. node examples/plan.mjs MODEL.gguf
import { EngineError, Model } from 'ssd-llm';

const [path = 'model.gguf'] = process.argv.slice(2);
for (const mebibytes of [64, 192, 256, 512]) {
  const model = Model.open(path, { memoryBudget: mebibytes * 2 ** 20, context: 512 });
  try {
    const { shares, bytesPerPass } = model.plan();
    const [resident, streamed] = [shares.resident, bytesPerPass].map((bytes) => `${Math.round(bytes / 2 ** 20)} MiB`);
    console.log(`${mebibytes} MiB: ${resident} of weights stay, each token reads ${streamed}`);
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'BUDGET_TOO_SMALL') throw error;
    console.log(error.message);
  } finally {
    await model.close();
  }
}

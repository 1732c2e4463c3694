// Loaded before a test file: ggml computes in this process as SSD_LLM_CPU says.
import { chooseCpuVariant } from '../../src/ggml/cpu-variant.ts';

const variant = process.env['SSD_LLM_CPU'];
if (variant) chooseCpuVariant(variant);

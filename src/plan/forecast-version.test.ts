import assert from 'node:assert/strict';
import test from 'node:test';
import { forecastVersion } from './forecast-version.ts';
import { parts, type TokenForecast } from './token-forecast.ts';

test('forecasts are known by what they say of a model of which every part takes time', () => {
  const forecasts = JSON.parse(forecastVersion()) as readonly TokenForecast[];
  for (const forecast of forecasts) {
    for (const part of [...parts, 'once'] as const) {
      // Parts that take next to nothing would hide what changes them.
      assert.ok(forecast[part] > forecast.seconds / 20, part);
    }
  }
  assert.equal(new Set(forecasts.map(({ seconds }) => seconds)).size, forecasts.length);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import test from 'node:test';
import { ModelHost } from '../../test/support/model-host.ts';
import { smallBytes } from '../../test/support/small-model.ts';
import { hubModel } from './hub.ts';
import { Web } from './web.ts';

test('requests go through the proxy that is named, but for the hosts that are excepted', async () => {
  await using host = await ModelHost.start();
  host.addRepository('org/A', { 'a-Q8_0.gguf': smallBytes()[0] });
  const asked: string[] = [];
  const proxy = createServer().on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    const upstream = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  try {
    const http = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const { signal } = new AbortController();
    for (const none of ['', '127.0.0.1']) {
      await using web = new Web({ hub: host.url, proxies: { http, https: http, none } });
      const { name } = await hubModel({ kind: 'repository', repository: 'org/A' }, web, signal);
      assert.equal(name, 'hf.co/org/A:Q8_0');
    }
    assert.deepEqual(asked, [host.host]);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { after, describe, test } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { FetchError, type FetchOptions, isPublicAddress, politeFetch } from './polite-fetch.ts'

const closing: (() => void)[] = []
after(() => {
  for (const close of closing) close()
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function read(host: string, options: FetchOptions = {}, path = '/') {
  const answer = await politeFetch(`http://${host}${path}`, { allowPrivate: [host], ...options })
  const chunks: Uint8Array[] = []
  for await (const chunk of answer.body) chunks.push(chunk)
  return { ...answer, text: Buffer.concat(chunks).toString() }
}

const fails = (promise: Promise<unknown>, message: RegExp) =>
  assert.rejects(promise, error => {
    assert.ok(error instanceof FetchError, String(error))
    assert.match(error.message, message)
    return true
  })

describe('an address', () => {
  test('of the open internet is told from all others', () => {
    for (const address of ['8.8.8.8', '151.101.3.42', '172.32.0.1', '2a04:4e42::426', '2606:4700::1111'])
      assert.ok(isPublicAddress(address), address)
    for (const address of ['::ffff:8.8.8.8', '::ffff:808:808', '64:ff9b::8.8.8.8']) assert.ok(isPublicAddress(address))
    const others = `0.0.0.0 0.1.2.3 10.1.2.3 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16
      169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.192 192.168.1.1 198.18.0.1 224.0.0.1 239.255.255.250 240.0.0.1
      255.255.255.255 :: ::1 0:0:0:0:0:0:0:1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:7f00:1 0:0:0:0:0:ffff:7f00:1
      ::FFFF:10.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::8.8.8.8 100::1 fe80::1 fe80::1%eth0 febf::1
      fec0::1 fc00::1 fd00:: fd00:ec2::254 ff02::1 2001::1 2001:db8::1 2002:7f00:1:: 3fff::1 5f00::1 4000::1`
    for (const address of others.split(/\s+/)) assert.ok(!isPublicAddress(address), address)
    for (const text of ['', 'localhost', '1.2.3', '::ffff:1.2.3']) assert.ok(!isPublicAddress(text))
  })

  test('that is not of it is not asked, however it is written', async () => {
    const hosts = `127.0.0.1 127.1 0x7f.1 0x7f000001 2130706433 0177.0.0.1 017700000001 127.0.0.1. 0 0.0.0.0 localhost
      [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:127.0.0.1] [fd00::1] [64:ff9b::7f00:1] 169.254.169.254
      0xa9fea9fe １２７.０.０.１ 127。0。0。1 ①②⑦.0.0.1`
    await Promise.all(
      hosts
        .split(/\s+/)
        .map(host => fails(politeFetch(`http://${host}:9/`, { resolve: async () => loopback }), /not one of the open/)),
    )
  })

  test('of another scheme, with a password, or of no form is refused', async () => {
    await fails(politeFetch('file:///etc/passwd'), /^this address: file: addresses are not read/)
    await fails(politeFetch('javascript:1'), /javascript: addresses/)
    await fails(politeFetch('ftp://a.example/'), /^a\.example: ftp:/)
    await fails(politeFetch('arxiv.org'), /no address such as/)
    await fails(politeFetch('http://1.2.3.4.5.6/'), /no address such as/)
    await assert.rejects(politeFetch('https://user:secret@a.example/'), (error: Error) => {
      assert.match(error.message, /^a\.example: an address with a name or password/)
      return !error.message.includes('secret')
    })
  })
})

const loopback = [{ address: '127.0.0.1', family: 4 }]

describe('a name', () => {
  test('is resolved once, and what it leads to is checked when the connection is made', async () => {
    let asked = 0
    const resolve = async () => {
      asked++
      return asked === 1 ? [{ address: '8.8.8.8', family: 4 }, ...loopback] : loopback
    }
    await fails(
      politeFetch('http://rebinding.example:9/', { resolve }),
      /rebinding\.example:9: its address 127\.0\.0\.1/,
    )
    await fails(politeFetch('https://rebinding.example/', { resolve }), /its address 127\.0\.0\.1/)
    assert.equal(asked, 2)
  })

  test('without an address is said to have none', async () => {
    await fails(politeFetch('http://a.example/', { resolve: async () => [] }), /has no address/)
    const resolve = async () => {
      throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })
    }
    await fails(politeFetch('http://a.example/', { resolve }), /^a\.example: there is no such host/)
  })
})

describe('an answer', () => {
  test('comes with its status, headers and address, and says who asks', async () => {
    const host = await serve((request, response) => {
      if (request.url === '/old') return void response.writeHead(302, { location: 'new?a=b#c' }).end('moved')
      response.writeHead(404, { 'x-own': 'y' }).end(`${request.url} ${request.headers['user-agent']}`)
    })
    const { status, headers, url, text, closed } = await read(host, {}, '/old')
    assert.deepEqual([status, headers['x-own'], url], [404, 'y', `http://${host}/new?a=b`])
    assert.match(text, /^\/new\?a=b Offprint\//)
    await closed
  })

  test('is unpacked', async () => {
    const packers = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, 'X-GZIP': gzipSync }
    const host = await serve(({ url = '' }, response) => {
      const name = url.slice(1) as keyof typeof packers
      response.writeHead(200, { 'content-encoding': name }).end(packers[name]('ä'.repeat(100_000)))
    })
    for (const name of Object.keys(packers)) assert.equal((await read(host, {}, `/${name}`)).text.length, 100_000)
  })

  test('that is packed wrongly, in an unknown way, or cut ends with a sentence', async () => {
    const packed = gzipSync('x'.repeat(100) + Math.random())
    const host = await serve(({ url }, response) => {
      if (url === '/wrong') response.writeHead(200, { 'content-encoding': 'gzip' }).end('not packed at all')
      else if (url === '/other') response.writeHead(200, { 'content-encoding': 'gzip, zstd' }).end('x')
      else if (url === '/short') response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed.subarray(0, -9))
      else {
        response.writeHead(200, { 'content-length': 1000 }).write('half')
        setTimeout(() => response.destroy(), 20)
      }
    })
    await fails(read(host, {}, '/wrong'), /packed wrongly/)
    await fails(read(host, {}, '/other'), /packed as 'gzip, zstd'/)
    await fails(read(host, {}, '/short'), /ends early/)
    await fails(read(host, {}, '/cut'), /^127\.0\.0\.1:\d+: it broke the connection off/)
  })

  test('larger than the limit ends there, packed or not, announced or not', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000))
    const host = await serve(({ url }, response) => {
      if (url === '/bomb') response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
      else if (url === '/announced') response.writeHead(200, { 'content-length': 5_000_001 }).write('x')
      else {
        const more = () => {
          while (!response.destroyed && response.write('x'.repeat(60_000)));
        }
        response.on('drain', more)
        more()
      }
    })
    let size = 0
    const { body, closed } = await politeFetch(`http://${host}/bomb`, { allowPrivate: [host], mostBytes: 5_000_000 })
    await fails(
      (async () => {
        for await (const chunk of body) size += chunk.length
      })(),
      /more than 5 MB/,
    )
    assert.ok(size <= 5_000_000 && size > 4_900_000)
    await closed
    await fails(read(host, { mostBytes: 5_000_000 }, '/announced'), /more than 5 MB/)
    await fails(read(host, { mostBytes: 5_000 }, '/endless'), /more than 5000 bytes/)
  })

  test('that does not come, stops or drips ends at its limit', async () => {
    const host = await serve(({ url }, response) => {
      if (url === '/never') return
      response.write('x')
      if (url === '/stops') return
      const drip = setInterval(() => response.write('x'), 10)
      response.on('close', () => clearInterval(drip))
    })
    await fails(read(host, { idleMs: 50 }, '/never'), /no answer within 0\.05 seconds/)
    await fails(read(host, { idleMs: 50 }, '/stops'), /stopped answering for 0\.05 seconds/)
    await fails(read(host, { wholeMs: 100, idleMs: 90 }, '/drips'), /no whole answer within 0\.1 seconds/)
    const silent = new Promise<never>(() => {})
    await fails(politeFetch('http://a.example', { connectMs: 50, resolve: () => silent }), /no connection within 0\.05/)
  })

  test('waits for a reader who is slower than the limit between two pieces', async () => {
    const host = await serve((_, response) => void response.end('x'.repeat(1_000_000)))
    const { body } = await politeFetch(`http://${host}/`, { allowPrivate: [host], idleMs: 30 })
    let size = 0
    for await (const chunk of body) {
      if (!size) await new Promise(resolve => setTimeout(resolve, 80))
      size += chunk.length
    }
    assert.equal(size, 1_000_000)
  })

  test('that nobody reads is closed by the limit, and by the reader who has seen enough', async () => {
    const host = await serve((_, response) => void response.write('x'))
    await (await politeFetch(`http://${host}/`, { allowPrivate: [host], wholeMs: 50 })).closed
    const { body, closed } = await politeFetch(`http://${host}/`, { allowPrivate: [host] })
    for await (const _ of body) break
    await closed
  })

  test('is ended by the signal, with its reason', async () => {
    const host = await serve(({ url }, response) => {
      if (url === '/started') response.write('x')
    })
    for (const path of ['/started', '/never']) {
      const reason = new Error('enough')
      const controller = new AbortController()
      setTimeout(() => controller.abort(reason), 30)
      await assert.rejects(read(host, { signal: controller.signal }, path), reason)
    }
    await assert.rejects(read(host, { signal: AbortSignal.abort() }), { name: 'AbortError' })
  })

  test('that is no HTTP, or refused, is said to be', async () => {
    const server = createTcpServer(socket => socket.resume().end('SSH-2.0-OpenSSH\r\n')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
    await fails(read(host), /does not speak HTTP/)
    server.close()
    await once(server, 'close')
    await fails(read(host), /takes no connections/)
  })
})

describe('a redirect', () => {
  const to = (location?: string) =>
    serve((_, response) => void response.writeHead(301, location ? { location } : {}).end())

  test('to what may not be asked is not followed', async () => {
    let asked = 0
    const inside = await serve((_, response) => {
      asked++
      response.end()
    })
    await fails(read(await to(`http://${inside}/`)), /not one of the open internet/)
    await fails(read(await to('http://169.254.169.254/latest/meta-data/')), /169\.254\.169\.254/)
    await fails(read(await to('//[::ffff:127.0.0.1]:1/')), /not one of the open internet/)
    await fails(read(await to('file:///etc/passwd')), /file: addresses are not read/)
    await fails(read(await to('http://a:b@a.example/')), /name or password/)
    await fails(read(await to('http://')), /no address such as/)
    await fails(read(await to()), /does not say where to/)
    assert.equal(asked, 0)
  })

  test('is followed five times at most', async () => {
    let asked = 0
    const host = await serve(({ url = '' }, response) => {
      asked++
      const left = Number(url.slice(1))
      if (left === 0) response.end('there')
      else response.writeHead(307, { location: `/${left - 1}` }).end()
    })
    assert.equal((await read(host, {}, '/5')).text, 'there')
    asked = 0
    await fails(read(host, {}, '/99'), /more than 5 redirects/)
    assert.equal(asked, 6)
  })

  test('to another site does not take the headers along', async () => {
    const other = await serve(({ headers }, response) => void response.end(String(headers['if-none-match'])))
    const host = await serve(({ headers }, response) => {
      response.writeHead(302, { location: `http://${other}/?${headers['if-none-match']}` }).end()
    })
    const { text, url } = await read(host, { allowPrivate: [host, other], headers: { 'if-none-match': 'secret' } })
    assert.deepEqual([text, url], ['undefined', `http://${other}/?secret`])
  })
})

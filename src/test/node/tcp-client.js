// The protocol of vertx-tcp-eventbus-bridge over a plain socket: four bytes of length, big endian, then JSON.
const net = require('node:net');
const { randomUUID } = require('node:crypto');

function frame(text) {
  const json = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeInt32BE(json.length);
  return Buffer.concat([length, json]);
}

function connect(port) {
  const socket = net.connect(port, '127.0.0.1');
  const replies = new Map();
  const handlers = new Map();
  let received = Buffer.alloc(0);
  const write = (message) => socket.write(frame(JSON.stringify(message)));

  const client = {
    errors: [],
    pongs: 0,
    closed: false,
    send: (address, body) =>
      new Promise((answer, refuse) => {
        const replyAddress = randomUUID();
        replies.set(replyAddress, { answer, refuse });
        write({ type: 'send', address, replyAddress, headers: {}, body });
      }),
    sendBlindly: (address, body) => write({ type: 'send', address, body }),
    publish: (address, body) => write({ type: 'publish', address, body }),
    register: (address, headers, handler) => {
      handlers.set(address, handler);
      write({ type: 'register', address, headers });
    },
    unregister: (address) => {
      handlers.delete(address);
      write({ type: 'unregister', address });
    },
    ping: () => write({ type: 'ping' }),
    raw: (text) => socket.write(frame(text)),
    bytes: (bytes) => socket.write(bytes),
    close: () => socket.destroy(),
  };

  function take(message) {
    const failure = message.type === 'err' ? message : null;
    const waiting = replies.get(message.address);
    if (message.type === 'pong') {
      client.pongs += 1;
    } else if (waiting) {
      replies.delete(message.address);
      failure ? waiting.refuse(failure) : waiting.answer(message.body);
    } else if (handlers.has(message.address)) {
      handlers.get(message.address)(failure, message.body);
    } else {
      client.errors.push(message.failureCode || message.message);
    }
  }

  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes]);
    while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
      const end = 4 + received.readInt32BE(0);
      take(JSON.parse(received.subarray(4, end).toString()));
      received = received.subarray(end);
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => (client.closed = true));
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(client));
    socket.once('error', reject);
  });
}

module.exports = { connect };

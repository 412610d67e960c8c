// The published client of the SockJS bridge, as it is, with promises around it.
const EventBus = require('@vertx/eventbus-bridge-client.js');

function connect(port) {
  return new Promise((resolve, reject) => {
    const bus = new EventBus(`http://127.0.0.1:${port}/eventbus`);
    const client = {
      errors: [],
      closed: false,
      send: (address, body) =>
        new Promise((answer, refuse) =>
          bus.send(address, body, (failure, message) => (failure ? refuse(failure) : answer(message.body)))),
      sendBlindly: (address, body) => bus.send(address, body),
      publish: (address, body) => bus.publish(address, body),
      register: (address, headers, handler) =>
        bus.registerHandler(address, headers, (failure, message) => handler(failure, message && message.body)),
      unregister: (address) => {
        delete bus.handlers[address];
        bus.sockJSConn.send(JSON.stringify({ type: 'unregister', address }));
      },
      raw: (text) => bus.sockJSConn.send(text),
      close: () => bus.close(),
    };
    bus.onerror = (error) => client.errors.push(error.body || error.failureCode);
    bus.onopen = () => resolve(client);
    bus.onclose = () => {
      client.closed = true;
      reject(new Error('closed'));
    };
  });
}

module.exports = { connect };

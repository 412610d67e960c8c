const EventBus = require('@vertx/eventbus-bridge-client.js');
const { credential } = require('./credential.js');

/**
 * Hears the events of a user's quotas. heard(event) is called for each of them, and ended(reason) once: when the service is
 * not running, refuses the user, or closes the connection. Call listen again then, after a pause.
 */
function listen(url, key, user, heard, ended) {
  const bus = new EventBus(url);
  let reason = 'The service cannot be reached.';
  bus.onopen = () => {
    reason = 'The connection was closed.';
    const headers = { ...credential(key, user), confirm: true };
    bus.registerHandler('cagen.quota.v1.events', headers, (failure, message) => {
      if (failure) {
        reason = failure.message;
        bus.close();
      } else if (message.body.type === 'registered') {
        console.log('Registered.');
      } else {
        heard(message.body);
      }
    });
  };
  // Whatever is refused that no handler waits for, such as a send without a reply handler.
  bus.onerror = (error) => console.error(error.body || `${error.failureCode} ${error.message}`);
  bus.onclose = () => ended(reason);
  return bus;
}

module.exports = { listen };

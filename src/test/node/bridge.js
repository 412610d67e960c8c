// node bridge.js sockjs|tcp, with QUOTA_PORT and QUOTA_KEY: uses a bridge of a running service as a client would. Prints a
// line for each thing it saw; the test that starts it expects all of them.
const assert = require('node:assert/strict');
const { randomBytes, randomUUID } = require('node:crypto');
const { setTimeout: pause } = require('node:timers/promises');
const { credential } = require('./credential.js');

const transport = process.argv[2];
const { connect } = require(`./${transport}-client.js`);
const port = Number(process.env.QUOTA_PORT);
const key = Buffer.from(process.env.QUOTA_KEY, 'base64');
const V1 = 'cagen.quota.v1.';
const EVENTS = `${V1}events`;
const MAX_FRAME = 64 * 1024;

const saw = (what) => console.log(`saw: ${what}`);

async function until(condition) {
  while (!condition()) {
    await pause(10);
  }
}

function member(organization) {
  return () => credential(key, { user: 'alice', organization });
}

/** The failure of a request that must fail. */
async function refused(request) {
  try {
    await request;
  } catch (failure) {
    return failure;
  }
  throw new Error('was not refused');
}

async function rootQuota(client, as) {
  return client.send(`${V1}quota.create`, { ...as(), name: 'Root', type: 'organization', total_mb: 1000 });
}

const use = (client, as, quota, mb) =>
  client.send(`${V1}usage.allocate`, { ...as(), quota_id: quota.id, resource_id: 'runtime_1', usage_mb: mb });

async function operations(client, as) {
  const quota = await rootQuota(client, as);
  const usage = await use(client, as, quota, 100);
  assert.equal(usage.used_mb, 100);
  assert.equal(usage.available_mb, 900);
  saw('usage allocated');

  const failure = await refused(use(client, as, quota, 5000));
  assert.equal(failure.failureCode, 40901);
  assert.equal(failure.failureType, 'RECIPIENT_FAILURE');
  assert.match(failure.message, /900 MB available.*4100 MB too much/);
  saw('a refusal with code and figures');

  const once = as();
  const get = { ...once, quota_id: quota.id };
  assert.equal((await client.send(`${V1}quota.get`, get)).used_mb, 100);
  assert.equal((await refused(client.send(`${V1}quota.get`, get))).failureCode, 40103);
  assert.equal((await refused(client.send(`${V1}quota.get`, { quota_id: quota.id }))).failureCode, 40101);
  saw('a credential accepted once');
  return quota;
}

async function refusals(client, as, quota) {
  const body = { ...as(), quota_id: quota.id, resource_id: 'runtime_1', usage_mb: 1 };
  const attempts = [
    () => client.publish(`${V1}usage.allocate`, body),
    () => client.publish(EVENTS, { organization_id: 'forged' }),
    () => client.sendBlindly(EVENTS, { organization_id: 'forged' }),
    () => client.sendBlindly('cagen.quota.internal.lane.0', body),
    () => client.sendBlindly('cagen.quota.internal.audit.notify', null),
    () => client.sendBlindly(`${V1}quota.none`, body),
    () => client.register('cagen.quota.internal.audit.refusals', as(), assert.fail),
    () => client.register(`${V1}usage.allocate`, as(), assert.fail),
  ];
  for (const attempt of attempts) {
    client.errors.length = 0;
    attempt();
    await until(() => client.errors.length > 0);
    assert.deepEqual(client.errors, ['access_denied'], attempt.toString());
  }
  assert.equal((await client.send(`${V1}quota.get`, { ...as(), quota_id: quota.id })).used_mb, quota.used_mb + 100);
  saw('publishing, and addresses that are not public, refused');

  client.errors.length = 0;
  client.raw('no json');
  client.raw('[]');
  client.raw('null');
  client.raw('{"type":5,"address":{},"replyAddress":[]}');
  client.raw(`{"type":"send","address":"${V1}quota.get","headers":5,"body":1e400}`);
  client.raw(`{"type":"send","address":"${V1}quota.get","replyAddress":"r","body":99999999999999999999}`);
  await until(() => client.errors.length >= 4);
  await client.send(`${V1}quota.get`, { ...as(), quota_id: quota.id });
  saw('nonsense answered, and the socket still good');

  client.errors.length = 0;
  client.sendBlindly(`${V1}quota.get`, { ...as(), quota_id: 'quota_none' });
  await until(() => client.errors.length > 0);
  assert.deepEqual(client.errors, [40401]);
  saw('a refusal heard without asking for a reply');
}

async function subscriptionRefused(client, headers, code) {
  const failures = [];
  client.register(EVENTS, headers, (failure) => failures.push(failure));
  await until(() => failures.length > 0);
  assert.equal(failures[0].failureCode, code);
  client.unregister(EVENTS);
}

async function subscribe(client, as, events) {
  let registered = false;
  client.register(EVENTS, { ...as(), confirm: true }, (failure, event) => {
    if (event && event.type === 'registered') {
      registered = true;
    } else {
      events.push(failure || event);
    }
  });
  await until(() => registered);
}

async function events(client, as, organization, quota) {
  await subscriptionRefused(client, {}, 40101);
  await subscriptionRefused(client, { ...as(), service_id: 'svc_other' }, 40101);
  const used = as();
  await client.send(`${V1}quota.get`, { ...used, quota_id: quota.id });
  await subscriptionRefused(client, used, 40103);
  saw('no events without a fresh credential');

  const rivalOrganization = `rival_${randomUUID()}`;
  const asRival = member(rivalOrganization);
  const rival = await connect(port);
  const rivalQuota = await rootQuota(rival, asRival);
  const [mine, theirs] = [[], []];
  await subscribe(client, as, mine);
  await subscribe(rival, asRival, theirs);
  saw('a registration confirmed');

  const theirUsage = await use(rival, asRival, rivalQuota, 7);
  await until(() => theirs.some((event) => event.data.usage_mb === 7));
  await use(client, as, quota, 8);
  await until(() => mine.some((event) => event.data.usage_mb === 8));
  assert.ok(theirUsage.usage_id);
  for (const [heard, of] of [[mine, organization], [theirs, rivalOrganization]]) {
    assert.deepEqual([...new Set(heard.map((event) => event.organization_id))], [of]);
  }
  const last = mine.find((event) => event.data.usage_mb === 8);
  assert.equal(last.type, 'usage.allocate');
  assert.equal(last.quota_id, quota.id);
  assert.equal(last.actor, 'alice');
  saw("events of one's own organization only");

  client.unregister(EVENTS);
  const before = mine.length;
  await use(client, as, quota, 9); // its answer comes after the unregistering
  await use(rival, asRival, rivalQuota, 9);
  await until(() => theirs.some((event) => event.data.usage_mb === 9));
  assert.ok(mine.slice(before).every((event) => event.data.usage_mb !== 9));
  saw('no events after unregistering');
  rival.close();
}

async function limits(client, as, quota) {
  const get = (padding) => {
    const body = { ...as(), quota_id: quota.id, padding };
    return JSON.stringify({ type: 'send', address: `${V1}quota.get`, replyAddress: 'r', body });
  };
  const spare = MAX_FRAME - get('').length;
  client.errors.length = 0;
  client.raw(get('x'.repeat(spare)));
  await client.send(`${V1}quota.get`, { ...as(), quota_id: quota.id });
  assert.equal(client.closed, false);
  saw('a frame of 64 KiB taken');
  client.raw(get('x'.repeat(spare + 1)));
  await until(() => client.closed);
  saw('a larger frame closes the socket');
}

async function tcpOnly() {
  for (const length of [MAX_FRAME + 1, 0x7fffffff, 0, -1]) {
    const client = await connect(port);
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(length);
    client.bytes(bytes);
    await until(() => client.closed);
  }
  saw('an impossible length closes the socket');
  const client = await connect(port);
  client.ping();
  await until(() => client.pongs === 1);
  client.close();
  saw('a ping answered');
}

async function sockJsOnly(organization, quota, client, as) {
  const { listen } = require('./events.js');
  const events = [];
  const ends = [];
  const user = { user: 'alice', organization };
  listen('http://127.0.0.1:1/eventbus', key, user, assert.fail, (reason) => ends.push(reason));
  await until(() => ends.length === 1);
  listen(`http://127.0.0.1:${port}/eventbus`, randomBytes(32), user, assert.fail, (reason) => ends.push(reason));
  await until(() => ends.length === 2);
  assert.match(ends[0], /cannot be reached/);
  assert.match(ends[1], /credential/);
  const bus = listen(`http://127.0.0.1:${port}/eventbus`, key, user, (event) => events.push(event), assert.fail);
  while (events.length === 0) {
    await use(client, as, quota, 1);
    await pause(10);
  }
  assert.equal(events[0].quota_id, quota.id);
  bus.onclose = () => ends.push('closed');
  bus.close();
  await until(() => ends.length === 3);
  saw('events heard with the documented code, and why they end');
}

async function main() {
  const organization = `acme_${randomUUID()}`;
  const as = member(organization);
  const client = await connect(port);
  const quota = await operations(client, as);
  await refusals(client, as, quota);
  await events(client, as, organization, quota);
  if (transport === 'sockjs') {
    await sockJsOnly(organization, quota, client, as);
  }
  await limits(client, as, quota);
  if (transport === 'tcp') {
    await tcpOnly();
  }
}

main().then(
  () => process.exit(0),
  (failure) => {
    console.error(failure);
    process.exit(1);
  },
);

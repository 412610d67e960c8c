const { createCipheriv, randomBytes, randomUUID } = require('node:crypto');

/** A fresh credential for one request. key: the 32 bytes shared with the quota service. */
function credential(key, { serviceId = 'svc_cagen_quota', user, organization, teams = [] }) {
  const plain = JSON.stringify({
    user_id: user,
    organization_id: organization,
    team_ids: teams,
    timestamp: Date.now(),
    nonce: randomUUID(),
  });
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const sealed = Buffer.concat([iv, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return { service_id: serviceId, encrypted_data: sealed.toString('base64') };
}

module.exports = { credential };

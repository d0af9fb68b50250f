// A whole Bluesky network in one process: PLC directory, PDS, relay subscription, AppView, moderation service.
//
// settings (JSON in argv[2]) -> TestNetwork.create -> {"pds_url", "appview_url", …} in the ready file
//
// Beside the platform's own APIs it opens one small loopback port of its own, only for the teller of the story:
//   POST /settle      waits until the AppView has indexed everything that the PDS has accepted
import fs from 'node:fs'
import http from 'node:http'
import { TestNetwork, mockMailer } from '@atproto/dev-env'

const settings = JSON.parse(process.argv[2])

const network = await TestNetwork.create({
  dbPostgresUrl: settings.postgres_url,
  dbPostgresSchema: settings.postgres_schema,
  plc: { port: settings.plc_port },
  pds: {
    port: settings.pds_port,
    hostname: 'localhost',
    rateLimitsEnabled: true,
    rateLimitBypassKey: settings.rate_limit_bypass_key,
  },
  bsky: { port: settings.appview_port, publicUrl: `http://localhost:${settings.appview_port}` },
  ozone: { port: settings.ozone_port },
})
mockMailer(network.pds)

const control = http.createServer(async (request, response) => {
  try {
    if (request.method !== 'POST' || request.url !== '/settle') {
      response.writeHead(404).end()
      return
    }
    await network.processAll(120_000)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"settled": true}')
  } catch (error) {
    response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error?.stack ?? error))
  }
})
control.listen(settings.control_port, '127.0.0.1', () => {
  const ready = {
    plc_url: `http://localhost:${settings.plc_port}`,
    pds_url: `http://localhost:${settings.pds_port}`,
    appview_url: `http://localhost:${settings.appview_port}`,
    control_url: `http://127.0.0.1:${settings.control_port}`,
    appview_did: network.bsky.serverDid,
  }
  fs.writeFileSync(`${settings.ready_file}.part`, JSON.stringify(ready))
  fs.renameSync(`${settings.ready_file}.part`, settings.ready_file)
})

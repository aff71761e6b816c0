// Receives Florin's webhooks: npm install standardwebhooks@1.1.1
//
//     WEBHOOK_SECRET=whsec_... node receiver.mjs 4242

import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
// The ids of events that were handled, and the newest one of each object. Keep them in your database, in the transaction
// of what you do about the event.
const handled = new Set();
const newest = new Map();

// Does something about an event, once for each event, and nothing about one that is older than the last.
function handle(event) {
  if (handled.has(event.id)) return;
  handled.add(event.id);
  const object = event.data.object.id;
  if (event.sequence > (newest.get(object) ?? 0)) newest.set(object, event.sequence);
  console.log("verified", event.type, event.id, object);
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    // The signature is of these very bytes: verify before anything else, and parse what was verified.
    const body = Buffer.concat(chunks).toString("utf8");
    try {
      webhook.verify(body, request.headers);
    } catch (error) {
      console.log("refused", error.message);
      response.writeHead(400).end();
      return;
    }
    // Answer soon: hand longer work to a queue.
    handle(JSON.parse(body));
    response.writeHead(204).end();
  });
});

server.listen(Number(process.argv[2]), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/`);
});

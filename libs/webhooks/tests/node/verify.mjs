// Reads [{secret, headers, body}] from standard input and prints, for each, whether the reference library accepts it.
import { Webhook } from "standardwebhooks";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const accepted = JSON.parse(text).map(({ secret, headers, body }) => {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
});
console.log(JSON.stringify(accepted));

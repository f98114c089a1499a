#!/usr/bin/env node
// Checks a Puhui evidence bundle offline: this one file, Node.js 18 or later, nothing else.
//   node puhui-verify.mjs FILE [--keys FILE] [--json]
// Exit 0: sound. 1: not sound, and what is wrong where. 2: wrong use.
// What it checks, and that two verifiers agree on it: libs/evidence/verify.py, of which this is an independent twin.
import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import { readFileSync } from "node:fs";

const KNOWN_RULES = new Set(["d2fd59290a57541fb48740ef126a2c350e3b8f6ba15769b4e357c8e8783e8e0b", "3511f075a4456fd2be1cfdc7f9a67dcbb1593794685436a7dd9bb3fbc51cfddd", "42d01b21b7ef0ec77320130f81b081efe14fc15a4204f44437b301e919f101a3"]);
const LOG_OF = {
  application: "application", assessment: "scoring", decision: "approval", contract: "contract",
  loan: "ledger", reminder: "collections", case: "collections", conduct: "collections", funding: "partners", share: "partners",
};
const FIRST_LOGS = ["application", "scoring", "approval", "contract", "ledger", "collections"];
const LOGS_OF = { "puhui-evidence/1": FIRST_LOGS, "puhui-evidence/2": [...FIRST_LOGS, "partners"] };
const REQUIRED = ["manifest", "events.ndjson", "proofs", "consistency", "streams", "keys", "state.json", "state_rules.json"];
const CASE_DAYS = 60;
const BYTES_MAX = 256 * 1024 * 1024;
const [SIGNATURE, COSIGNATURE] = [1, 4];
const NAME = /^[A-Za-z0-9_-]+([./][A-Za-z0-9_-]+)*$/;
const KEY_NAME = /^[!-*,-~]{1,100}$/;
const HASH = /^[0-9a-f]{64}$/;
const NUMBER = /^(0|[1-9][0-9]{0,14})$/;

class Damaged extends Error {}            // not a zip of our form
class NotOfForm extends Error {           // a file of the bundle that is not of its form
  constructor(name, reason) { super(`${name} ${reason}`); this.name_ = name; }
}
class CannotReplay extends Error {}

// ---- bytes -------------------------------------------------------------------------------------------------------
const sha256 = (...parts) => { const hash = createHash("sha256"); for (const part of parts) hash.update(part); return hash.digest(); };
const sha1 = (...parts) => { const hash = createHash("sha1"); for (const part of parts) hash.update(part); return hash.digest(); };
const EMPTY_ROOT = sha256();
const leafHash = (data) => sha256(Buffer.of(0), data);
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);
const utf8 = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
const CRC = Array.from({ length: 256 }, (_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1; return n >>> 0; });
const crc32 = (bytes) => { let crc = 0xffffffff; for (const byte of bytes) crc = CRC[(crc ^ byte) & 255] ^ (crc >>> 8); return (crc ^ 0xffffffff) >>> 0; };

function base64(text, length, complain) {
  const data = Buffer.from(text, "base64");
  if (data.toString("base64") !== text || (length !== undefined && data.length !== length)) complain();
  return data;
}

// ---- the zip: entries stored, one form and no other ----------------------------------------------------------------
function unpack(data) {
  if (data.length < 22 || data.length > BYTES_MAX) throw new Damaged("too short or too long for a bundle");
  const end = data.length - 22;
  const count = data.readUInt16LE(end + 10), size = data.readUInt32LE(end + 12);
  let at = data.readUInt32LE(end + 16), begin = 0;
  if (data.readUInt32LE(end) !== 0x06054b50 || data.readUInt16LE(end + 4) || data.readUInt16LE(end + 6)
      || data.readUInt16LE(end + 20) || data.readUInt16LE(end + 8) !== count) throw new Damaged("no end of a zip at the end");
  if (at + size !== end) throw new Damaged("the directory does not end where the zip does");
  const files = new Map();
  for (let entry = 0; entry < count; entry++) {
    if (at + 46 > end) throw new Damaged("the directory is cut off");
    const u16 = (place) => data.readUInt16LE(at + place), u32 = (place) => data.readUInt32LE(at + place);
    const length = u32(24), named = u16(28);
    if (u32(0) !== 0x02014b50 || u16(8) || u16(10) || u16(30) || u16(32) || u16(34) || u32(20) !== length || u32(42) !== begin)
      throw new Damaged("an entry of the directory is of another form");
    const rawName = data.subarray(at + 46, at + 46 + named), name = rawName.toString("latin1");
    if (!NAME.test(name)) throw new Damaged("a name is of another form");
    const contentAt = begin + 30 + named;
    if (contentAt + length > end) throw new Damaged(`${name} is cut off`);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    data.copy(local, 4, at + 6, at + 30);   // needed, flags, method, time, date, crc, sizes, length of the name
    if (!data.subarray(begin, contentAt).equals(Buffer.concat([local, rawName])))
      throw new Damaged(`${name} does not begin as the directory says`);
    const content = data.subarray(contentAt, contentAt + length);
    if (crc32(content) !== u32(16)) throw new Damaged(`${name} has another checksum`);
    if (files.has(name)) throw new Damaged(`${name} is there twice`);
    files.set(name, content);
    at += 46 + named;
    begin = contentAt + length;
  }
  if (at !== end || begin !== end - size) throw new Damaged("something lies between the files");
  return files;
}

// ---- notes, heads and keys (C2SP) -----------------------------------------------------------------------------------
function number(text, file) {
  if (!NUMBER.test(text)) throw new NotOfForm(file, "has what is no number");
  return Number(text);
}

function parseNote(text, file) {
  const complain = (why) => { throw new NotOfForm(file, why); };
  const cut = text.lastIndexOf("\n\n");
  if (cut < 0 || !text.slice(cut + 2).endsWith("\n") || text.includes("\r")) complain("is no note");
  const signatures = text.slice(cut + 2, -1).split("\n").map((line) => {
    const match = /^— ([!-*,-~]{1,100}) ([A-Za-z0-9+/]+={0,2})$/.exec(line);
    if (!match) complain("has a line that is no signature");
    const blob = base64(match[2], undefined, () => complain("has a signature that is not base64"));
    if (blob.length <= 4) complain("has a signature that is too short");
    return { name: match[1], id: blob.subarray(0, 4), signature: blob.subarray(4) };
  });
  return { text: text.slice(0, cut) + "\n", signatures };
}

function parseHead(text, file) {
  const complain = () => { throw new NotOfForm(file, "is no head"); };
  const lines = text.split("\n");
  if (lines.length !== 6 || lines[5] || !KEY_NAME.test(lines[0])) complain();
  const streams = lines[3].split(" ");
  if (streams.length !== 3 || streams[0] !== "streams" || !lines[4].startsWith("time ")) complain();
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$/.test(lines[4].slice(5))) complain();
  return {
    origin: lines[0], size: number(lines[1], file), root: base64(lines[2], 32, complain),
    streams: number(streams[1], file), streamsRoot: base64(streams[2], 32, complain), signedAt: lines[4].slice(5),
  };
}

function parseKey(text) {
  const complain = () => { throw new NotOfForm("keys", "has what is no key"); };
  const [name, id] = text.split("+", 2);
  if (id === undefined || text.length < name.length + id.length + 2) complain();
  const blob = base64(text.slice(name.length + id.length + 2), 33, complain);
  if (!KEY_NAME.test(name) || ![SIGNATURE, COSIGNATURE].includes(blob[0])) complain();
  const key = { name, algorithm: blob[0], publicKey: blob.subarray(1), id: sha256(name, "\n", blob).subarray(0, 4), text };
  if (key.id.toString("hex") !== id) complain();
  return key;
}

function confirms(key, text, signature) {
  let signed = Buffer.from(text);
  if (key.algorithm === COSIGNATURE) {
    if (signature.length !== 72) return false;
    signed = Buffer.from(`cosignature/v1\ntime ${signature.readBigUInt64BE(0)}\n${text}`);
    signature = signature.subarray(8);
  }
  try {
    const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key.publicKey]);
    return verifySignature(null, signed, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
  } catch { return false; }
}

const confirmedBy = (note, keys) => keys.some((key) => note.signatures.some(
  ({ name, id, signature }) => name === key.name && id.equals(key.id) && confirms(key, note.text, signature)));

// ---- trees: RFC 6962, checked as in RFC 9162; the map of streams ---------------------------------------------------
function includes(root, size, index, leaf, proof) {
  if (index >= size) return false;
  let node = index, last = size - 1, found = leaf;
  const half = (value) => Math.floor(value / 2);
  for (const sibling of proof) {
    if (last === 0) return false;
    if (node % 2 || node === last) {
      found = nodeHash(sibling, found);
      while (node % 2 === 0 && node) [node, last] = [half(node), half(last)];
    } else found = nodeHash(found, sibling);
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && found.equals(root);
}

function extendsTree(old, oldRoot, size, root, proof) {
  if (old === size || old === 0) return !proof.length && oldRoot.equals(old ? root : EMPTY_ROOT);
  if (old > size || !proof.length) return false;
  const isPower = Number.isInteger(Math.log2(old));
  const path = isPower ? [oldRoot, ...proof] : [...proof];
  const half = (value) => Math.floor(value / 2);
  let node = old - 1, last = size - 1;
  while (node % 2) [node, last] = [half(node), half(last)];
  let foundOld = path[0], found = path[0];
  for (const sibling of path.slice(1)) {
    if (last === 0) return false;
    if (node % 2 || node === last) {
      [foundOld, found] = [nodeHash(sibling, foundOld), nodeHash(sibling, found)];
      while (node % 2 === 0 && node) [node, last] = [half(node), half(last)];
    } else found = nodeHash(found, sibling);
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && foundOld.equals(oldRoot) && found.equals(root);
}

const bit = (key, depth) => (key[depth >> 3] >> (7 - (depth & 7))) & 1;

function provedVersion(root, streamId, { siblings, key: foundKey, version: foundVersion }) {
  const key = sha256(streamId), depth = siblings.length;
  let found = Buffer.alloc(32), version = 0;
  if (foundKey) {
    if (foundVersion < 1) return null;
    for (let place = 0; place < depth; place++) if (bit(foundKey, place) !== bit(key, place)) return null;
    const counted = Buffer.alloc(8);
    counted.writeBigUInt64BE(BigInt(foundVersion));
    found = sha256(Buffer.of(2), foundKey, counted);
    version = foundKey.equals(key) ? foundVersion : 0;
  }
  for (let place = depth - 1; place >= 0; place--)
    found = bit(key, place) ? sha256(Buffer.of(3), siblings[place], found) : sha256(Buffer.of(3), found, siblings[place]);
  return found.equals(root) ? version : null;
}

// ---- the bundle, parsed but not believed ----------------------------------------------------------------------------
function parse(files) {
  const need = (names) => { for (const name of names) if (!files.has(name)) throw new NotOfForm(name, "is missing"); };
  need(REQUIRED);
  const text = (name) => { try { return utf8(files.get(name)); } catch { throw new NotOfForm(name, "is not UTF-8"); } };
  const lines = (name) => {
    const content = text(name);
    if (content && !content.endsWith("\n")) throw new NotOfForm(name, "its last line does not end");
    return content.split("\n").slice(0, -1);
  };
  const hashes = (name, texts) => {
    if (texts.length > 256 || !texts.every((each) => HASH.test(each))) throw new NotOfForm(name, "has what is no hash");
    return texts.map((each) => Buffer.from(each, "hex"));
  };
  const proof = (name, line) => {
    const [log, index, ...path] = line.split(" ");
    if (!logs.includes(log) || index === undefined) throw new NotOfForm(name, "has a line of another form");
    return { log, index: number(index, name), path: hashes(name, path) };
  };
  const head = (name) => { const note = parseNote(text(name), name); return { note, head: parseHead(note.text, name) }; };
  const manifest = parseNote(text("manifest"), "manifest");
  const bundle = { files, manifest, ...parseManifest(manifest.text) }, { logs } = bundle;
  need(["heads", "anchors"].flatMap((kind) => logs.map((log) => `${kind}/${log}`)));
  bundle.events = splitLines(files.get("events.ndjson"));
  bundle.proofs = lines("proofs").map((line) => proof("proofs", line));
  bundle.heads = Object.fromEntries(logs.map((log) => [log, head(`heads/${log}`)]));
  bundle.anchors = Object.fromEntries(logs.map((log) => [log, head(`anchors/${log}`)]));
  const consistency = lines("consistency").map((line) => proof("consistency", line));
  if (consistency.map(({ log }) => log).join() !== logs.join()) throw new NotOfForm("consistency", "has not one line a log");
  bundle.consistency = Object.fromEntries(consistency.map((each) => [each.log, each]));
  bundle.streams = lines("streams").map((line) => {
    const parts = line.split(" ");
    if (parts.length < 5 || !logs.includes(parts[0]) || !/^[a-z]+-[A-Za-z0-9._:-]{1,100}$/.test(parts[1]))
      throw new NotOfForm("streams", "has a line of another form");
    const version = number(parts[2], "streams"), found = number(parts[4], "streams");
    const key = parts[3] === "-" ? null : hashes("streams", [parts[3]])[0];
    if (!key && found) throw new NotOfForm("streams", "has a version of no stream");
    return { log: parts[0], streamId: parts[1], version, proof: { siblings: hashes("streams", parts.slice(5)), key, version: found } };
  });
  bundle.keys = lines("keys");
  return bundle;
}

function splitLines(content) {
  if (content.length && content[content.length - 1] !== 10) throw new NotOfForm("events.ndjson", "its last line does not end");
  const found = [];
  for (let begin = 0, end; (end = content.indexOf(10, begin)) >= 0; begin = end + 1) found.push(content.subarray(begin, end));
  return found;
}

function parseManifest(text) {
  const complain = (why) => { throw new NotOfForm("manifest", why); };
  const lines = text.split("\n").slice(0, -1);
  if (lines.length < 5 || !Object.hasOwn(LOGS_OF, lines[0])) complain(`does not begin with ${Object.keys(LOGS_OF).join(" or ")}`);
  const [applicationId, contractId, loanId, issuedAt] = ["application", "contract", "loan", "issued"].map((name, place) => {
    const line = lines[place + 1], value = line.slice(name.length + 1);
    if (!line.startsWith(`${name} `) || !/^[A-Za-z0-9][A-Za-z0-9._:-]{0,79}$/.test(value)) complain(`${name} is missing`);
    return value;
  });
  const sealed = [], digests = new Map();
  for (const line of lines.slice(5)) {
    const [kind, ...parts] = line.split(" ");
    if (kind === "sealed" && parts.length === 3 && /^(\/[A-Za-z0-9_-]+)+$/.test(parts[1])
        && ["sealed", "restricted", "erased"].includes(parts[2]))
      sealed.push({ line: number(parts[0], "manifest"), pointer: parts[1], state: parts[2] });
    else if (kind === "file" && parts.length === 2 && HASH.test(parts[0]) && !digests.has(parts[1])) digests.set(parts[1], parts[0]);
    else complain("has a line of another form");
  }
  return { logs: LOGS_OF[lines[0]], applicationId, contractId, loanId, issuedAt, sealed, digests };
}

// ---- identifiers that follow from one another -----------------------------------------------------------------------
function uuid5(namespace, name) {
  const bare = namespace.replaceAll("urn:", "").replaceAll("uuid:", "").replaceAll("-", "");
  if (!/^[0-9a-fA-F]{32}$/.test(bare)) throw new RangeError("not a UUID");
  const made = sha1(Buffer.from(bare, "hex"), name).subarray(0, 16);
  made[6] = (made[6] & 0x0f) | 0x50;
  made[8] = (made[8] & 0x3f) | 0x80;
  const hex = made.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function dayNumber(text) {
  if (typeof text !== "string" || !/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text)) return null;
  const at = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== text ? null : at / 86_400_000;
}
const dayText = (day) => new Date(day * 86_400_000).toISOString().slice(0, 10);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function* caseDates(events) {
  let behind = null, last = null;
  const dates = function* (until) { for (let day = behind; day <= until; day++) yield dayText(day); };
  for (const { type, data } of events) {
    if (!isObject(data)) continue;
    const changed = type === "puhui.ledger.delinquency-changed.v1", position = data.position;
    if ("position" in data && !isObject(position)) continue;
    const on = changed ? dayNumber(data.changed_on) : null, asOf = position ? dayNumber(position.as_of) : null;
    if ((changed && (on === null || !position || !("bucket" in position))) || (position && asOf === null)) continue;
    const current = changed && position.bucket === "CURRENT";
    for (const day of [on, asOf]) if (day !== null && (last === null || day > last)) last = day;
    if (on !== null && !current && behind === null) behind = on;
    else if (on !== null && current && behind !== null) { yield* dates(on + CASE_DAYS); behind = null; }
  }
  if (behind !== null && last !== null) yield* dates(last + CASE_DAYS);
}

function expectedStreams(applicationId, events, logs) {
  const contractId = uuid5(applicationId, "contract"), loanId = uuid5(contractId, "loan");
  const names = ["application", "assessment", "decision"].map((kind) => `${kind}-${applicationId}`);
  names.push(`contract-${contractId}`, `loan-${loanId}`, `reminder-${loanId}`);
  if (logs.includes("partners")) names.push(`funding-${applicationId}`, `share-${loanId}`);
  for (const { type, data } of events)
    if (type === "puhui.application.application-started.v1" && isObject(data) && isObject(data.request)
        && typeof data.request.applicant_id === "string") names.push(`conduct-${data.request.applicant_id}`);
  for (const on of caseDates(events.filter(({ streamId }) => streamId === `loan-${loanId}`))) names.push(`case-${uuid5(loanId, `case/${on}`)}`);
  return new Set(names);
}

// ---- replay by rules ------------------------------------------------------------------------------------------------
function at(data, path) {
  for (const step of path.split(".")) {
    if (Array.isArray(data) && /^[0-9]+$/.test(step) && Number(step) < data.length) data = data[Number(step)];
    else if (isObject(data)) data = Object.hasOwn(data, step) ? data[step] : null;
    else return null;
  }
  return data;
}
function minor(money) {
  if (money === null || money === undefined) return 0;
  const match = isObject(money) && typeof money.amount === "string" ? /^(-?)(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,3}))?$/.exec(money.amount) : null;
  if (!match) throw new CannotReplay("an amount of money is none");
  const value = Number(match[2] + (match[3] ?? ""));
  return match[1] && value ? -value : value;
}
function shown(value) {
  if (typeof value === "string") return value;
  if (Number.isInteger(value)) return String(value);
  throw new CannotReplay("a text is put together from what is no text");
}
const isNothing = (value) => value === null || value === undefined || value === false || value === 0 || value === ""
  || (Array.isArray(value) && !value.length) || (isObject(value) && !Object.keys(value).length);
const AS = {
  "": (value) => value ?? null,
  minor,
  minus: (money) => { const value = minor(money); return value ? -value : 0; },
  total: (parts) => isObject(parts) ? ["principal", "interest", "fee", "penalty"].reduce((sum, part) => sum + minor(parts[part]), 0) : 0,
  joined: (values) => Array.isArray(values) ? values.map(shown).join(", ") : "",
  empty: isNothing,
};
function valueOf(said, data) {
  if (typeof said !== "string") return said;
  if (said.startsWith("=")) return said.slice(1);
  if (said.startsWith("~")) return said.slice(1).replace(/\{([^}]*)\}/g, (_, path) => shown(at(data, path)));
  const [path, form = ""] = said.split(":");
  return AS[form](at(data, path));
}

function replay(rules, bundle, events) {
  const cases = new Set(events.filter(({ streamId }) => streamId.startsWith("case-")).map(({ streamId }) => streamId.slice(5)));
  const mine = { application: new Set([bundle.applicationId]), loan: new Set([bundle.loanId]), case: cases };
  const rows = { application: new Map(), loan: new Map(), case: new Map() };
  for (const { type, data } of events) {
    for (const rule of Object.hasOwn(rules.events, type) ? rules.events[type] : []) {
      const key = isObject(data) && Object.hasOwn(data, rule.key) ? data[rule.key] : null;
      if (typeof key !== "string") throw new CannotReplay(`${type} has no ${rule.key}`);
      const said = Object.assign({}, ...(rule.use ?? []).map((part) => rules.parts[part]), rule.set ?? {});
      const set = Object.entries(said).map(([name, value]) => [name, valueOf(value, data)]);
      const add = Object.entries(rule.add ?? {}).map(([name, value]) => [name, valueOf(value, data)]);
      if (!mine[rule.row].has(key)) continue;
      if (!rows[rule.row].has(key)) rows[rule.row].set(key, { [`${rule.row}_id`]: key });
      const row = rows[rule.row].get(key);
      for (const [name, value] of set) row[name] = value;
      for (const [name, value] of add) row[name] = (row[name] ?? 0) + value;
    }
  }
  const first = (map) => map.size ? map.values().next().value : null;
  return { application: first(rows.application), cases: Object.fromEntries(rows.case), loan: first(rows.loan) };
}

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (isObject(value)) return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
  return JSON.stringify(value);
}

// ---- the verdict ----------------------------------------------------------------------------------------------------
export function verify(data, trusted = null) {
  const findings = [], notes = [];
  const report = { sound: false, findings, notes, events: 0, streams: 0, sealed: {} };
  const add = (code, where, what) => findings.push({ code, where, what });
  let bundle;
  try {
    bundle = parse(unpack(data));
  } catch (error) {
    if (error instanceof Damaged) add("container", "bundle", `the file is damaged: ${error.message}`);
    else if (error instanceof NotOfForm) add("form", error.name_, error.message);
    else throw error;
    return report;
  }
  Object.assign(report, { application_id: bundle.applicationId, loan_id: bundle.loanId, issued_at: bundle.issuedAt,
    events: bundle.events.length, streams: bundle.streams.length });
  checkKeysAndHeads(bundle, add, notes, trusted);
  for (const [name, content] of bundle.files)
    if (name !== "manifest" && bundle.digests.get(name) !== sha256(content).toString("hex")) add("file", name, `${name} is not the file that was issued`);
  for (const name of bundle.digests.keys()) if (!bundle.files.has(name)) add("file", name, `${name} was issued and is missing`);
  const events = checkEvents(bundle, add);
  checkSealed(bundle, add, events, report.sealed);
  checkStreams(bundle, add, events);
  checkState(bundle, add, events);
  report.sound = findings.length === 0;
  return report;
}

function checkKeysAndHeads(bundle, add, notes, trusted) {
  let keys;
  try { bundle.keys.map(parseKey); keys = (trusted ?? bundle.keys).map(parseKey); } catch (error) {
    if (!(error instanceof NotOfForm)) throw error;
    add("keys", "keys", error.message);
    return;
  }
  if (trusted === null) notes.push("The keys are the bundle's own: compare them with those that you were given.");
  else for (const key of new Set(bundle.keys)) if (!trusted.includes(key)) {
    const name = key.split("+")[0];
    add("keys", name, `the key of ${name} is not one of those that are trusted`);
  }
  const witnesses = keys.filter(({ algorithm }) => algorithm === COSIGNATURE);
  if (!witnesses.length) notes.push("No witness has co-signed: a second history cannot be ruled out by this bundle alone.");
  if (!confirmedBy(bundle.manifest, keys.filter(({ name }) => name.endsWith("/evidence"))))
    add("manifest", "manifest", "the manifest is not signed by who made the bundle");
  for (const log of bundle.logs) {
    for (const kind of ["heads", "anchors"]) {
      const { note, head } = bundle[kind][log];
      const own = keys.filter(({ name, algorithm }) => name === head.origin && algorithm === SIGNATURE);
      if (!head.origin.endsWith(`/${log}`) || !confirmedBy(note, own)) add("head", `${kind}/${log}`, `the head is not signed by the log of ${log}`);
    }
    if (witnesses.length && !confirmedBy(bundle.anchors[log].note, witnesses))
      add("witness", `anchors/${log}`, `no witness has co-signed the anchored head of ${log}`);
    const { head } = bundle.heads[log], { head: anchor } = bundle.anchors[log], { index, path } = bundle.consistency[log];
    if (index !== anchor.size || !extendsTree(anchor.size, anchor.root, head.size, head.root, path))
      add("consistency", log, `the ${head.size} events of ${log} do not begin with the ${anchor.size} that were anchored`);
  }
}

function checkEvents(bundle, add) {
  if (bundle.events.length !== bundle.proofs.length) { add("form", "proofs", "there is not one proof for each event"); return []; }
  const events = [];
  let lastLog = -1, lastIndex = -1;
  bundle.events.forEach((content, place) => {
    const line = place + 1, where = `event ${line}`, { log, index, path } = bundle.proofs[place], { head } = bundle.heads[log];
    if (!includes(head.root, head.size, index, leafHash(content), path))
      add("inclusion", where, `event ${line} is not number ${index + 1} of the log of ${log}`);
    const order = bundle.logs.indexOf(log);
    if (order < lastLog || (order === lastLog && index <= lastIndex)) add("order", where, `event ${line} does not stand after the one before it`);
    [lastLog, lastIndex] = [order, index];
    const event = readEvent(content);
    if (event) events.push({ line, log, index, ...event });
    else add("event", where, `event ${line} cannot be read`);
  });
  return events;
}

function readEvent(content) {
  const tail = /,"stream":"([a-z]+-[A-Za-z0-9._:-]{1,100})","type":"([a-z0-9.-]{1,120})","version":([1-9][0-9]{0,8})\}$/
    .exec(content.subarray(-300).toString("latin1"));
  if (!tail) return null;
  try {
    const whole = JSON.parse(utf8(content));
    if (!isObject(whole) || !Object.hasOwn(whole, "data")) return null;
    return { streamId: tail[1], type: tail[2], version: Number(tail[3]), data: whole.data };
  } catch { return null; }
}

function* sealedPlaces(value, pointer = "") {
  if (Array.isArray(value)) for (const [place, member] of value.entries()) yield* sealedPlaces(member, `${pointer}/${place}`);
  else if (isObject(value)) {
    if (Object.hasOwn(value, "$sealed")) yield pointer;
    else for (const [name, member] of Object.entries(value)) yield* sealedPlaces(member, `${pointer}/${name}`);
  }
}

function checkSealed(bundle, add, events, counts) {
  const found = new Set(events.flatMap(({ line, data }) => [...sealedPlaces(data)].map((pointer) => `event ${line}${pointer}`)));
  const said = new Set(bundle.sealed.map(({ line, pointer }) => `event ${line}${pointer}`));
  for (const place of found) if (!said.has(place)) add("sealed", place, `${place} is sealed and the manifest does not say so`);
  for (const place of said) if (!found.has(place)) add("sealed", place, `${place} is not sealed`);
  for (const { state } of bundle.sealed) counts[state] = (counts[state] ?? 0) + 1;
}

function checkStreams(bundle, add, events) {
  let expected;
  try {
    const contractId = uuid5(bundle.applicationId, "contract");
    if (contractId !== bundle.contractId || uuid5(contractId, "loan") !== bundle.loanId) throw new RangeError("others follow");
    expected = expectedStreams(bundle.applicationId, events, bundle.logs);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    add("identity", "manifest", "contract and loan are not those that follow from the application");
    return;
  }
  const claims = new Map(bundle.streams.map((claim) => [claim.streamId, claim]));
  for (const streamId of claims.keys()) if (!expected.has(streamId)) add("stream", streamId, `${streamId} is no stream of this loan`);
  const given = new Map();
  for (const { line, log, streamId, version } of events) {
    given.set(streamId, [...(given.get(streamId) ?? []), version]);
    if (LOG_OF[streamId.slice(0, streamId.indexOf("-"))] !== log || !expected.has(streamId))
      add("stream", `event ${line}`, `event ${line} is of ${streamId}, not of this loan`);
  }
  for (const streamId of expected) {
    const claim = claims.get(streamId), log = LOG_OF[streamId.slice(0, streamId.indexOf("-"))];
    if (!claim) { add("complete", streamId, `nothing proves how far ${streamId} goes, or that there is none`); continue; }
    const proved = provedVersion(bundle.heads[log].head.streamsRoot, streamId, claim.proof);
    if (claim.log !== log || proved === null || proved !== claim.version) add("stream", streamId, `the last version of ${streamId} is not proved`);
    const versions = given.get(streamId) ?? [];
    if (versions.length !== claim.version || versions.some((version, place) => version !== place + 1))
      add("complete", streamId, `${streamId} goes to version ${claim.version}, and not every version up to it is here once`);
  }
}

function checkState(bundle, add, events) {
  const file = bundle.files.get("state_rules.json");
  if (!KNOWN_RULES.has(sha256(file).toString("hex"))) {
    add("rules", "state_rules.json", "the state was worked out by rules that this verifier does not know");
    return;
  }
  let follows;
  try { follows = canonical(replay(JSON.parse(utf8(file)), bundle, events)); } catch (error) {
    if (!(error instanceof CannotReplay)) throw error;
    add("state", "state.json", `the events cannot be replayed: ${error.message}`);
    return;
  }
  if (!Buffer.from(follows).equals(bundle.files.get("state.json"))) add("state", "state.json", "the state does not follow from the events");
}

// ---- by hand --------------------------------------------------------------------------------------------------------
function main(given) {
  const asJson = given.includes("--json"), keysAt = given.indexOf("--keys");
  const files = given.filter((each, place) => !each.startsWith("--") && !(keysAt >= 0 && place === keysAt + 1));
  if (files.length < 1 || (keysAt >= 0 && given[keysAt + 1] === undefined)) {
    process.stderr.write("node puhui-verify.mjs FILE... [--keys FILE] [--json]\n");
    return 2;
  }
  const trusted = keysAt >= 0 ? readFileSync(given[keysAt + 1], "utf8").split(/\s+/).filter(Boolean) : null;
  let status = 0;
  for (const file of files) {
    const report = verify(readFileSync(file), trusted);
    if (!report.sound) status = 1;
    if (asJson) process.stdout.write(JSON.stringify({ file, ...report }) + "\n");
    else {
      process.stdout.write(report.sound
        ? `${file}: sound. ${report.events} events of ${report.streams} streams, application ${report.application_id}, issued ${report.issued_at}.\n`
        : `${file}: NOT sound.\n` + findingsText(report.findings));
      for (const note of report.notes) process.stdout.write(`  note: ${note}\n`);
    }
  }
  return status;
}
const findingsText = (findings) => findings.map(({ code, where, what }) => `  ${code} (${where}): ${what}\n`).join("");

// ---- tree hashes of RFC 6962 for test vectors ------------------------------------------------------------------------
export { includes, extendsTree, leafHash, nodeHash, EMPTY_ROOT, parseNote, parseKey, confirmedBy, provedVersion };

if (process.argv[1] && import.meta.url === new URL(`file://${process.argv[1]}`).href) process.exitCode = main(process.argv.slice(2));

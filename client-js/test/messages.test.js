import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { banner, connected, makeGateway, receiptsOf, START, welcome, WELCOME, World } from "./fakes.js";

const shown = (gateway) => gateway.getSnapshot().banners.map(({ id, revision }) => `${id} ${revision}`);
const at = (seconds) => new Date(START + seconds * 1_000).toISOString();

describe("the live set", () => {
  it("a snapshot puts on what is new and takes off what is gone", async () => {
    const [a, b, c] = [banner({ id: "a" }), banner({ id: "b" }), banner({ id: "c" })];
    const { world, gateway } = await connected({ live: [a, b] });
    world.socket.says({ type: "sync", now: world.wall, live: [b, c], unread: 4 });

    assert.deepEqual(gateway.getSnapshot().messages.map((message) => message.id), ["b", "c"]);
    assert.equal(gateway.getSnapshot().unread, 4);
  });

  it("reconnecting shows nothing twice", async () => {
    const a = banner({ id: "a" });
    const { world, gateway } = await connected({ live: [a] });
    const events = [];
    gateway.on("message", ({ op, message }) => events.push(`${op} ${message.id}`));
    world.socket.ends(1006);
    await world.advance(500);
    await welcome(world, { live: [a] });
    world.socket.says({ type: "message", op: "show", message: a });

    assert.deepEqual(events, []);
    assert.deepEqual(shown(gateway), ["a 1"]);
  });

  it("what ended while the connection was gone comes off with the next snapshot", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a" })] });
    const events = [];
    gateway.on("retract", ({ message, reason }) => events.push(`${message.id} ${reason}`));
    world.socket.ends(1006);
    assert.deepEqual(shown(gateway), ["a 1"], "what is on the screen stays");
    await world.advance(500);
    await welcome(world, { live: [] });

    assert.deepEqual(shown(gateway), []);
    assert.deepEqual(events, ["a not_live"]);
  });

  it("an update changes a message in place", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a" })] });
    world.socket.says({ type: "message", op: "update", message: banner({ id: "a", revision: 2, severity: "critical" }) });

    assert.equal(gateway.getSnapshot().slot.message.severity, "critical");
    assert.deepEqual(shown(gateway), ["a 2"]);
  });

  it("of one id the highest revision counts, in whatever order revisions arrive", async () => {
    const { world, gateway } = await connected();
    for (const revision of [2, 1, 4, 3, 4]) {
      world.socket.says({ type: "message", op: "update", message: banner({ id: "a", revision }) });
    }
    world.socket.says({ type: "sync", now: world.wall, live: [banner({ id: "a", revision: 3 })], unread: 0 });

    assert.deepEqual(shown(gateway), ["a 4"]);
  });
});

describe("taken off", () => {
  const table = [
    ["retracted", false], ["resolved", false], ["expired", false], ["superseded", false], ["dismissed_elsewhere", false],
    ["page", true], ["audience", true], ["capped", true], ["a_reason_from_the_future", true],
  ];
  for (const [reason, mayReturn] of table) {
    it(`as ${reason}: ${mayReturn ? "may return" : "never comes back"}`, async () => {
      const message = banner({ id: "a", revision: 2 });
      const { world, gateway } = await connected({ live: [message] });
      world.socket.says({ type: "retract", message: "a", revision: 2, reason });
      assert.deepEqual(shown(gateway), []);

      world.socket.says({ type: "message", op: "show", message });
      world.socket.says({ type: "message", op: "show", message: banner({ id: "a", revision: 1 }) });
      world.socket.ends(1006);
      await world.advance(500);
      await welcome(world, { live: [message] });
      assert.deepEqual(shown(gateway), mayReturn ? ["a 2"] : []);
    });
  }

  it("before it ever arrived, it never does", async () => {
    const { world, gateway } = await connected();
    world.socket.says({ type: "retract", message: "a", revision: 3, reason: "retracted" });
    world.socket.says({ type: "message", op: "show", message: banner({ id: "a", revision: 3 }) });

    assert.deepEqual(shown(gateway), []);
  });

  it("a late retraction of an older revision leaves the newer one on", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a", revision: 5 })] });
    world.socket.says({ type: "retract", message: "a", revision: 4, reason: "retracted" });

    assert.deepEqual(shown(gateway), ["a 5"]);
  });

  it("stays off for good, whatever older word of it comes late", async () => {
    const { world, gateway } = await connected();
    for (const revision of [5, 3]) world.socket.says({ type: "retract", message: "a", revision, reason: "retracted" });
    world.socket.says({ type: "message", op: "show", message: banner({ id: "a", revision: 4 }) });

    assert.deepEqual(shown(gateway), []);
  });

  it("a paused message that is published again comes back with its new revision", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a", revision: 1 })] });
    world.socket.says({ type: "retract", message: "a", revision: 2, reason: "retracted" });
    world.socket.says({ type: "message", op: "show", message: banner({ id: "a", revision: 3 }) });

    assert.deepEqual(shown(gateway), ["a 3"]);
  });

  it("remembers many, and forgets the oldest first", async () => {
    const { world, gateway } = await connected();
    for (let i = 0; i < 1_001; i += 1) world.socket.says({ type: "retract", message: `m-${i}`, revision: 1, reason: "retracted" });
    for (const id of ["m-0", "m-1", "m-1000"]) world.socket.says({ type: "message", op: "show", message: banner({ id }) });

    assert.deepEqual(shown(gateway), ["m-0 1"]);
  });
});

describe("dismissing", () => {
  it("hides at once, says so at once, and survives a reconnect", async () => {
    const message = banner({ id: "a" });
    const { world, gateway } = await connected({ live: [message] });
    gateway.dismiss("a");

    assert.deepEqual(shown(gateway), []);
    assert.ok(receiptsOf(world.socket).includes("dismissed a 1"), "without waiting for the batch");
    world.socket.ends(1006);
    await world.advance(500);
    await welcome(world, { live: [message] });
    assert.deepEqual(shown(gateway), []);
  });

  it("is refused for what may not be dismissed", async () => {
    const { gateway } = await connected({ live: [banner({ id: "a", dismissible: false })] });
    gateway.dismiss("a");

    assert.deepEqual(shown(gateway), ["a 1"]);
  });

  it("ends with a later revision: the node sends one only where it asks for attention", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a", revision: 2 })] });
    gateway.dismiss("a");
    world.socket.says({ type: "message", op: "show", message: banner({ id: "a", revision: 2 }) });
    assert.deepEqual(shown(gateway), []);

    world.socket.says({ type: "message", op: "show", message: banner({ id: "a", revision: 3 }) });
    assert.deepEqual(shown(gateway), ["a 3"]);
  });

  it("at the moment of a change is put right by the node's answer", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a", revision: 2 })] });
    gateway.dismiss("a");
    world.socket.says({ type: "message", op: "update", message: banner({ id: "a", revision: 3 }) });
    world.socket.says({ type: "retract", message: "a", revision: 3, reason: "dismissed_elsewhere" });

    assert.deepEqual(shown(gateway), []);
  });

  it("while the connection is gone is said on the next one, and holds against its snapshot", async () => {
    const message = banner({ id: "a" });
    const { world, gateway } = await connected({ live: [message] });
    world.socket.ends(1006);
    gateway.dismiss("a");
    await world.advance(500);
    await welcome(world, { live: [message] });

    assert.deepEqual(shown(gateway), []);
    assert.ok(receiptsOf(world.socket).includes("dismissed a 1"));
  });

  it("right before the page is left is not lost: the next page of this tab says it", async () => {
    const message = banner({ id: "a" });
    const { world, gateway } = await connected({ live: [message] });
    world.socket.readyState = 3;
    gateway.dismiss("a");
    await world.happens("leave");
    const next = new World();
    next.kept = world.kept;
    const again = await connected({ world: next, live: [message] });

    assert.deepEqual(shown(again.gateway), []);
    assert.ok(receiptsOf(next.socket).includes("dismissed a 1"));
    assert.equal(next.kept, null);
  });

  it("of the user before is not said in the name of the next", async () => {
    const world = new World();
    world.kept = JSON.stringify({ user: "grace", lines: [{ message: "a", revision: 1, stage: "dismissed", at: START }] });
    const { gateway } = await connected({ world, live: [banner({ id: "a" })] });

    assert.deepEqual(shown(gateway), ["a 1"]);
    assert.ok(!receiptsOf(world.socket).some((line) => line.startsWith("dismissed")));
  });

  it("what somebody else wrote into the storage does no harm", async () => {
    for (const kept of ["{", "7", "[]", '{"user":"ada","lines":7}', '{"user":"ada","lines":[null,7]}']) {
      const world = new World();
      world.kept = kept;
      const { gateway } = await connected({ world, live: [banner({ id: "a" })] });
      assert.deepEqual(shown(gateway), ["a 1"], kept);
    }
  });
});

describe("expiry", () => {
  it("takes a message off with no other event", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a", expires_at: at(90) })] });
    const events = [];
    gateway.on("retract", ({ reason }) => events.push(reason));
    await world.advance(89_000);
    world.socket.says({ type: "ping", now: world.wall });
    assert.deepEqual(shown(gateway), ["a 1"]);
    await world.advance(1_000);

    assert.deepEqual(shown(gateway), []);
    assert.deepEqual(events, ["expired"]);
  });

  for (const [name, skew] of [["an hour fast", 3_600_000], ["an hour slow", -3_600_000], ["in another year", 4e10]]) {
    it(`is right on a device whose clock is ${name}`, async () => {
      const world = new World();
      world.wall += skew;
      const { gateway } = makeGateway({}, world);
      gateway.connect();
      await welcome(world, { now: START, live: [banner({ id: "a", expires_at: at(10) })] });
      await world.advance(9_900);
      assert.deepEqual(shown(gateway), ["a 1"]);
      await world.advance(200);
      assert.deepEqual(shown(gateway), []);
    });
  }

  for (const [name, jump] of [["back", -3_600_000], ["ahead", 3_600_000]]) {
    it(`is right within 2 s when somebody sets the clock an hour ${name}`, async () => {
      const { world, gateway } = await connected({ live: [banner({ id: "a", expires_at: at(120) })] });
      await world.advance(5_000);
      world.socket.says({ type: "ping", now: START + 5_000 });
      world.wall += jump;
      await world.advance(6_000);
      if (gateway.getSnapshot().connection.status !== "connected") {
        await welcome(world, { now: START + 11_000, live: [banner({ id: "a", expires_at: at(120), revision: 2 })] });
      }
      assert.equal(shown(gateway).length, 1);
      for (let now = 11; now < 119; now += 4) {
        world.socket.says({ type: "ping", now: START + now * 1_000 });
        await world.advance(4_000);
      }
      assert.equal(shown(gateway).length, 1);
      await world.advance(2_000);
      assert.equal(shown(gateway).length, 0);
    });
  }

  it("does not wait for a timer that slept with the device", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a", expires_at: at(600) })] });
    world.sleep(700_000);
    await world.happens("visible");

    assert.deepEqual(shown(gateway), []);
  });

  it("is noticed after a sleep even when no event tells of it", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a", expires_at: at(600) })] });
    world.socket.ends(4003);
    await world.advance(5_000);
    world.sleep(700_000);
    await world.advance(15_000);

    assert.deepEqual(shown(gateway), []);
  });

  it("goes on without a connection", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a", expires_at: at(20) })] });
    world.socket.ends(4003);
    await world.advance(20_000);

    assert.deepEqual(shown(gateway), []);
  });

  it("before arrival means: never shown, and said so", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a", expires_at: at(-1) })] });
    await world.advance(250);

    assert.deepEqual(shown(gateway), []);
    assert.deepEqual(receiptsOf(world.socket), ["suppressed a 1"]);
  });

  it("of a change that was late takes off what was shown before", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a" })] });
    world.socket.says({ type: "message", op: "update", message: banner({ id: "a", revision: 2, expires_at: at(-1) }) });
    await world.advance(0);

    assert.deepEqual(shown(gateway), []);
  });

  it("put off by the operator holds, even when the client was first to take it off", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a", expires_at: at(10) })] });
    await world.advance(10_000);
    world.socket.says({ type: "message", op: "update", message: banner({ id: "a", revision: 2, expires_at: at(60) }) });

    assert.deepEqual(shown(gateway), ["a 2"]);
  });

  it("in 90 days does not overflow a timer", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a", expires_at: at(90 * 86_400) })] });
    await world.advance(60_000);

    assert.deepEqual(shown(gateway), ["a 1"]);
  });
});

describe("the one slot", () => {
  const order = (gateway) => gateway.getSnapshot().banners.map((message) => message.id).join(" ");
  const inSlot = (gateway) => {
    const { message, index, count } = gateway.getSnapshot().slot;
    return `${message.id} ${index + 1}/${count}`;
  };

  it("goes to the worst, then to the highest priority, then to the newest; what is over comes before mere news", async () => {
    const { gateway } = await connected({
      live: [
        banner({ id: "info", severity: "info", priority: 100 }),
        banner({ id: "over", severity: "critical", incident: { status: "resolved", updates: [] } }),
        banner({ id: "a-older", severity: "major", created_at: at(-60) }),
        banner({ id: "b-newer", severity: "major", created_at: at(0) }),
        banner({ id: "urgent", severity: "major", priority: 90, created_at: at(-600) }),
        banner({ id: "worst", severity: "critical" }),
        { ...banner({ id: "bell" }), kind: "notification" },
      ],
    });

    assert.equal(order(gateway), "worst urgent b-newer a-older over info");
  });

  it("can be leafed through, round and round", async () => {
    const { gateway } = await connected({ live: [banner({ id: "a", priority: 3 }), banner({ id: "b", priority: 2 }), banner({ id: "c", priority: 1 })] });
    const seen = [inSlot(gateway)];
    for (const step of ["next", "next", "next", "previous"]) {
      gateway[step]();
      seen.push(inSlot(gateway));
    }
    assert.deepEqual(seen, ["a 1/3", "b 2/3", "c 3/3", "a 1/3", "c 3/3"]);
  });

  it("keeps the user's choice until it leaves or something worse arrives", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a" }), banner({ id: "b", priority: 1 })] });
    gateway.next();
    world.socket.says({ type: "message", op: "show", message: banner({ id: "c", priority: 99 }) });
    assert.equal(inSlot(gateway), "b 3/3");

    world.socket.says({ type: "message", op: "show", message: banner({ id: "d", severity: "critical" }) });
    assert.equal(inSlot(gateway), "d 1/4");
    gateway.next();
    const chosen = gateway.getSnapshot().slot.message.id;
    gateway.dismiss(chosen);
    assert.equal(inSlot(gateway), "d 1/3");
  });

  it("is empty when there is nothing to show", async () => {
    const { gateway } = await connected();
    gateway.next();

    assert.equal(gateway.getSnapshot().slot, null);
  });
});

describe("while the connection is gone", () => {
  it("what is shown stays, marked after a moment as maybe out of date", async () => {
    const world = new World();
    world.dice = 0.999;
    const { gateway } = await connected({ world, live: [banner({ id: "a" })] });
    world.socket.ends(1006);
    await world.advance(2_900);
    assert.equal(gateway.getSnapshot().isStale, false, "a blink of the network is not worth a mark");
    await world.advance(200);
    assert.equal(gateway.getSnapshot().isStale, true);
    assert.deepEqual(shown(gateway), ["a 1"]);

    await welcome(world, { live: [banner({ id: "a" })] });
    assert.equal(gateway.getSnapshot().isStale, false);
  });

  it("one try after another does not put the mark off", async () => {
    const { world, gateway } = await connected();
    for (let i = 0; i < 4; i += 1) {
      world.socket.ends(1006);
      await world.advance(900);
    }
    assert.equal(gateway.getSnapshot().isStale, true);
  });
});

describe("for the app", () => {
  it("a snapshot is the same object until something changes, and can never be changed", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a" })] });
    const before = gateway.getSnapshot();
    assert.equal(gateway.getSnapshot(), before);
    assert.throws(() => before.messages.push({}), TypeError);
    assert.throws(() => (before.messages[0].content.title = "x"), TypeError);
    assert.throws(() => before.slot.message.content.body[0].children.push({}), TypeError);

    let calls = 0;
    const stop = gateway.subscribe(() => (calls += 1));
    world.socket.says({ type: "unread", count: 1 });
    assert.notEqual(gateway.getSnapshot(), before);
    assert.equal(calls, 1);
    stop();
    world.socket.says({ type: "unread", count: 2 });
    assert.equal(calls, 1);
  });

  it("every change of the connection is announced", async () => {
    const { world, states } = await connected();
    world.socket.ends(4101, "node full");
    await world.advance(500);
    await welcome(world);

    assert.deepEqual(states.map((state) => state.status), ["connecting", "connected", "waiting", "connecting", "connected"]);
    assert.deepEqual(states[2], { status: "waiting", code: 4101, reason: "node full", willRetry: true, nextTryAt: START + 500 });
  });

  it("a listener that throws is reported and hurts nobody else", async () => {
    const { world, gateway } = await connected();
    const heard = [];
    gateway.on("message", () => {
      throw new Error("mine");
    });
    gateway.on("message", ({ message }) => heard.push(message.id));
    world.socket.says({ type: "message", op: "show", message: banner({ id: "a" }) });

    assert.deepEqual(heard, ["a"]);
    assert.equal(world.reported[0].message, "mine");
  });

  it("a listener sees the change that it is told of", async () => {
    const { world, gateway } = await connected();
    const seen = [];
    gateway.on("message", () => seen.push(shown(gateway)));
    gateway.on("retract", () => seen.push(shown(gateway)));
    world.socket.says({ type: "message", op: "show", message: banner({ id: "a" }) });
    world.socket.says({ type: "retract", message: "a", revision: 1, reason: "retracted" });

    assert.deepEqual(seen, [["a 1"], []]);
  });

  it("a click is said before the page may go away, and the app may take it over", async () => {
    const actions = [{ id: "more", label: "More", href: "/status", intent: "open" }, { id: "ok", label: "OK", intent: "dismiss" }];
    const message = banner({ id: "a", content: { title: "t", body: [], actions } });
    const { world, gateway } = await connected({ live: [message] });
    assert.equal(gateway.click("a", "more"), true);
    assert.ok(receiptsOf(world.socket).includes("clicked a 1"));

    const stop = gateway.on("action", (event) => event.preventDefault());
    assert.equal(gateway.click("a", "ok"), false);
    assert.deepEqual(shown(gateway), ["a 1"], "the app took it over");
    stop();
    assert.equal(gateway.click("a", "ok"), true);
    assert.deepEqual(shown(gateway), []);
    assert.equal(gateway.click("unknown", "ok"), true);
  });

  it("traits can be set while there is a connection", async () => {
    const { world, gateway } = await connected();
    assert.equal(gateway.identify({ theme: "dark" }), true);
    assert.deepEqual(world.socket.sentOf("identify"), [{ type: "identify", id: "1", traits: { theme: "dark" } }]);
    world.socket.ends(1006);
    assert.equal(gateway.identify({ theme: "dark" }), false);
  });

  it("when somebody else signs in, nothing of the user before is seen or said", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a" })] });
    gateway.dismiss("a");
    world.socket.ends(1006);
    await world.advance(500);
    await welcome(world, { user: "grace", live: [banner({ id: "a" })] });
    await world.advance(250);

    assert.equal(gateway.getSnapshot().user, "grace");
    assert.deepEqual(shown(gateway), ["a 1"]);
    assert.deepEqual(receiptsOf(world.socket), ["received a 1"]);
  });
});

describe("what is no message", () => {
  const broken = [null, 7, "text", [], {}, { id: "" }, { id: "a" }, { id: "a", revision: "1" }, { id: "a", revision: 1 }, { id: 7, revision: 1, kind: "banner" }, { id: "a", revision: 1.5, kind: "banner" }];
  for (const raw of broken) {
    it(`is left out: ${JSON.stringify(raw)}`, async () => {
      const { gateway } = await connected({ live: [raw, banner({ id: "good" })] });
      assert.deepEqual(shown(gateway), ["good 1"]);
    });
  }

  const odd = [{}, { severity: "apocalyptic" }, { content: null }, { content: { title: 7, body: 7, actions: "x" } }, { content: { body: "plain" } }, { content: { body: [null, 7, { type: "text", text: "ok" }], actions: [null, {}, { id: "a" }] } }, { incident: 7 }, { incident: { status: "resolved" } }, { incident: { status: "identified", updates: [null, { status: 7 }, { status: "x", body: 7 }] } }, { expires_at: "soon" }, { created_at: 7 }, { priority: "high" }];
  for (const fields of odd) {
    it(`is made whole where it is odd: ${JSON.stringify(fields)}`, async () => {
      const { gateway } = await connected({ live: [{ id: "a", revision: 1, kind: "banner", ...fields }] });
      const { message } = gateway.getSnapshot().slot;
      assert.ok(["info", "minor", "major", "critical"].includes(message.severity));
      assert.ok(Array.isArray(message.content.body) && Array.isArray(message.content.actions));
      assert.equal(message.dismissible, true);
    });
  }

  it("of a kind from the future is kept for the app, and the node is told", async () => {
    const { world, gateway } = await connected({ live: [{ ...banner({ id: "a" }), kind: "hologram" }] });
    await world.advance(250);

    assert.equal(gateway.getSnapshot().messages.length, 1);
    assert.equal(gateway.getSnapshot().slot, null);
    assert.deepEqual(receiptsOf(world.socket), ["received a 1", "suppressed a 1"]);
  });

  it("a welcome without a live set is an empty one", async () => {
    const { world, gateway } = makeGateway();
    gateway.connect();
    await welcome(world, { ...WELCOME, live: undefined });

    assert.deepEqual(gateway.getSnapshot().messages, []);
  });
});

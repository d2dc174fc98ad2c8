import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { afterClose } from "../src/close-codes.js";
import { banner, connected, makeGateway, START, welcome, WELCOME, World } from "./fakes.js";

describe("connecting", () => {
  it("says who it is in the first frame, with the JSON subprotocol", async () => {
    const { world } = await connected({ options: { device: { app: "web", version: "2.4.0" }, layouts: ["corner"] } });

    assert.deepEqual(world.socket.protocols, ["inapp.v1.json"]);
    assert.deepEqual(world.socket.sent[0], {
      type: "connect",
      token: "t-1",
      device: { platform: "web", app: "web", version: "2.4.0" },
      locale: "en-GB",
      timezone: "Europe/London",
      page: "https://shop.example/",
      visibility: "visible",
      activity: "active",
      showing: [],
      layouts: ["corner"],
    });
  });

  it("lets `user` stand in for a token", async () => {
    const { world } = await connected({ options: { getToken: undefined, user: "ada" } });

    assert.equal(world.socket.sent[0].user, "ada");
    assert.ok(!("token" in world.socket.sent[0]));
  });

  it("never puts the token into the address", async () => {
    const { world } = await connected();

    assert.equal(world.socket.url, "wss://gateway.example/v1/ws");
  });

  it("tells the node on reconnecting what is on the screen", async () => {
    const message = banner({ revision: 3 });
    const { world } = await connected({ live: [message] });

    world.socket.ends(1006);
    await world.advance(500);
    await welcome(world);

    assert.deepEqual(world.socket.sent[0].showing, [[message.id, 3]]);
  });

  it("gives up on a connection that brings no welcome within 10 s, and tries again", async () => {
    const { world, gateway, states } = makeGateway();
    gateway.connect();
    await world.advance(0);
    world.socket.open();

    await world.advance(10_000);

    assert.equal(states.at(-1).status, "waiting");
    assert.equal(states.at(-1).reason, "connect_timeout");
    assert.notEqual(world.socket.closedWith, null);
  });

  it("stops and tells the app when the address is no address", async () => {
    const { world, gateway, states } = makeGateway();
    world.refusesToDial = true;
    gateway.connect();
    await world.advance(0);

    assert.deepEqual([states.at(-1).status, states.at(-1).reason], ["stopped", "bad_url"]);
    await world.advance(120_000);
    assert.equal(world.timers, 0);
  });

  it("dials once, however often the app says so", async () => {
    const { world, gateway } = makeGateway();
    gateway.connect();
    gateway.connect();
    await world.advance(0);
    gateway.connect();
    await world.advance(0);

    assert.equal(world.sockets.length, 1);
  });
});

describe("the token", () => {
  it("is asked for anew in good time, and refreshed in place", async () => {
    let asked = 0;
    const { world } = await connected({ options: { getToken: async () => `t-${(asked += 1)}` } });

    world.socket.says({ type: "reauth", within: 60 });
    await world.advance(0);

    assert.deepEqual(world.socket.sentOf("refresh"), [{ type: "refresh", id: "1", token: "t-2" }]);
    assert.equal(world.sockets.length, 1);
  });

  it("is asked for again while there is time, when the app's server is down", async () => {
    let asked = 0;
    const getToken = async () => {
      asked += 1;
      if (asked === 2) throw new Error("503");
      return `t-${asked}`;
    };
    const { world } = await connected({ options: { getToken } });

    world.socket.says({ type: "reauth", within: 60 });
    await world.advance(20_000);

    assert.deepEqual(world.socket.sentOf("refresh").map((frame) => frame.token), ["t-3"]);
  });

  it("is used again after a lost connection, as long as it is good", async () => {
    let asked = 0;
    const { world } = await connected({ options: { getToken: async () => `t-${(asked += 1)}` } });
    world.socket.ends(1006);
    await world.advance(500);
    await welcome(world);

    assert.equal(asked, 1);
    assert.equal(world.socket.sent[0].token, "t-1");
  });

  it("is not used again when it is about to end", async () => {
    let asked = 0;
    const { world, gateway } = makeGateway({ getToken: async () => `t-${(asked += 1)}` });
    gateway.connect();
    await welcome(world, { expires_at: new Date(START + 5_000).toISOString() });
    world.socket.ends(1006);
    await world.advance(500);
    await welcome(world);

    assert.equal(world.socket.sent[0].token, "t-2");
  });

  it("is waited for with patience when the app cannot give one", async () => {
    const getToken = async () => {
      throw new Error("offline");
    };
    const { world, gateway, states } = makeGateway({ getToken });
    gateway.connect();
    await world.advance(0);

    assert.equal(world.sockets.length, 0);
    assert.deepEqual([states.at(-1).status, states.at(-1).reason], ["waiting", "token_unavailable"]);
  });

  it("is given up on for now when the app hangs", async () => {
    const { world, gateway, states } = makeGateway({ getToken: () => new Promise(() => {}) });
    gateway.connect();
    await world.advance(30_000);

    assert.deepEqual([states.at(-1).status, states.at(-1).reason], ["waiting", "token_unavailable"]);
  });

  it("that comes when the app has closed the client dials nothing", async () => {
    let give = () => {};
    const { world, gateway } = makeGateway({ getToken: () => new Promise((resolve) => (give = resolve)) });
    gateway.connect();
    await world.advance(0);
    gateway.close();
    give("t-1");
    await world.advance(1_000);

    assert.equal(world.sockets.length, 0);
  });

  it("is not asked for where there is only a user's name", async () => {
    const { world, states } = await connected({ options: { getToken: undefined, user: "ada" } });
    world.socket.says({ type: "reauth", within: 60 });
    await world.advance(0);
    assert.equal(states.at(-1).status, "connected");

    world.socket.ends(4303, "token invalid");
    assert.deepEqual([states.at(-1).status, states.at(-1).code], ["stopped", 4303]);
  });

  it("of nobody means that nobody is signed in: stop", async () => {
    const { world, gateway, states } = makeGateway({ getToken: async () => null });
    gateway.connect();
    await world.advance(60_000);

    assert.equal(world.sockets.length, 0);
    assert.deepEqual([states.at(-1).status, states.at(-1).reason], ["stopped", "signed_out"]);
  });
});

describe("close codes: the number alone says what to do", () => {
  const table = [
    [4000, "stop"], [4001, "stop"], [4002, "stop"], [4003, "stop"], [4005, "stop"], [4006, "stop"], [4007, "stop"], [4099, "stop"],
    [4100, "retry"], [4101, "retry"], [4102, "retry"], [4103, "retry"], [4107, "retry"], [4108, "retry"], [4109, "retry"],
    [4200, "wait"], [4201, "wait"], [4203, "wait"],
    [4300, "token"], [4301, "token"], [4302, "token"], [4303, "token"],
    [1000, "retry"], [1001, "retry"], [1006, "retry"], [1009, "retry"], [1012, "retry"], [null, "retry"],
  ];

  for (const [code, rule] of table) {
    it(`${code}: ${rule}`, async () => {
      assert.equal(afterClose(code), rule);
      if (code === null) return;
      let asked = 0;
      const { world, states } = await connected({ options: { getToken: async () => `t-${(asked += 1)}` } });
      world.socket.ends(code, "why");

      const state = states.at(-1);
      assert.equal(state.code, code);
      assert.equal(state.willRetry, rule !== "stop");
      await world.advance(600_000);
      assert.equal(world.sockets.length > 1, rule !== "stop");
      assert.equal(asked > 1, rule === "token");
    });
  }

  it("the code in `bye` counts, whatever a proxy makes of the close", async () => {
    const { world, states } = await connected();
    world.socket.says({ type: "bye", code: 4003, reason: "user is blocked", reconnect: false, after: 0 });
    world.socket.ends(1006);
    await world.advance(60_000);

    assert.deepEqual([states.at(-1).status, states.at(-1).code, states.at(-1).reason], ["stopped", 4003, "user is blocked"]);
    assert.equal(world.sockets.length, 1);
  });

  it("the delay in `bye` is obeyed to the millisecond", async () => {
    const { world, states } = await connected();
    world.socket.says({ type: "bye", code: 4201, reason: "rebalancing", reconnect: true, after: 7_300 });

    assert.equal(states.at(-1).nextTryAt, world.wall + 7_300);
    await world.advance(7_299);
    assert.equal(world.sockets.length, 1);
    await world.advance(1);
    assert.equal(world.sockets.length, 2);
  });

  it("no event hurries a client that the node asked to wait", async () => {
    const { world } = await connected();
    world.socket.says({ type: "bye", code: 4201, reason: "", reconnect: true, after: 8_000 });
    for (const event of ["online", "visible", "resume"]) await world.happens(event);
    await world.advance(7_999);

    assert.equal(world.sockets.length, 1);
  });

  it("a `bye` that forbids to return is obeyed, whatever its code", async () => {
    const { world, states } = await connected();
    world.socket.says({ type: "bye", code: 4100, reason: "", reconnect: false, after: 0 });

    assert.equal(states.at(-1).status, "stopped");
  });

  it("nothing counts that comes after `bye`", async () => {
    const { world, gateway } = await connected();
    world.socket.says([{ type: "bye", code: 4100, reason: "", reconnect: true, after: 0 }, { ...WELCOME, live: [banner()] }]);

    assert.equal(gateway.getSnapshot().connection.status, "waiting");
    assert.equal(gateway.getSnapshot().messages.length, 0);
  });

  it("a `bye` with an absurd delay is not believed", async () => {
    const { world, states } = await connected();
    world.socket.says({ type: "bye", code: 4200, reason: "", reconnect: true, after: 1e12 });

    assert.equal(states.at(-1).nextTryAt, world.wall + 600_000);
  });

  it("`drain` is this client's own turn: say what is left, leave, wait, come back", async () => {
    const { world, states } = await connected({ live: [banner()] });
    const first = world.socket;
    first.says({ type: "message", op: "show", message: banner({ id: "last" }) });
    first.says({ type: "drain", within: 5_000, reconnect_after: 12_000 });

    assert.equal(first.sentOf("receipt").at(-1).receipts.at(-1).message, "last", "what was to be said was said");
    assert.equal(first.closedWith, 1000);
    assert.equal(states.at(-1).nextTryAt, world.wall + 12_000);
    await world.happens("visible");
    await world.advance(11_999);
    assert.equal(world.sockets.length, 1, "no event hurries it");
    await world.advance(1);
    assert.equal(world.sockets.length, 2);
  });
});

describe("coming back", () => {
  async function failures(world, count) {
    const delays = [];
    for (let i = 0; i < count; i += 1) {
      const before = world.sockets.length;
      world.socket.ends(1006);
      let waited = 0;
      while (world.sockets.length === before && waited < 60_000) {
        await world.advance(100);
        waited += 100;
      }
      delays.push(waited);
    }
    return delays;
  }

  it("waits with full jitter between 0.5 and 30 s, longer with each failure", async () => {
    const world = new World();
    world.dice = 0.999999;
    await connected({ world });
    assert.deepEqual(await failures(world, 7), [2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);

    const lucky = new World();
    await connected({ world: lucky });
    assert.deepEqual(await failures(lucky, 3), [500, 500, 500]);
  });

  it("starts with short waits again only after a stable time", async () => {
    const world = new World();
    world.dice = 0.999999;
    await connected({ world });
    await failures(world, 4);

    await welcome(world);
    await world.advance(9_000);
    world.socket.ends(1006);
    await world.advance(29_000);
    assert.equal(world.sockets.length, 5, "it was up for too short a time");

    await world.advance(1_000);
    await welcome(world);
    await world.advance(10_000);
    world.socket.ends(1006);
    await world.advance(2_000);
    assert.equal(world.sockets.length, 7);
  });

  it("draws from the whole span while nobody looks, and comes at once when somebody does", async () => {
    const world = new World();
    world.dice = 0.5;
    const { states } = await connected({ world });
    await world.happens("hidden");
    world.socket.ends(1006);
    assert.equal(states.at(-1).nextTryAt - world.wall, 15_250);

    await world.happens("visible");
    assert.equal(states.at(-1).nextTryAt - world.wall, 500);
    await world.advance(500);
    assert.equal(world.sockets.length, 2);
  });

  for (const event of ["online", "visible", "resume"]) {
    it(`is hurried by \`${event}\`, with jitter, and never made later`, async () => {
      const world = new World();
      world.dice = 0.9;
      const { states } = await connected({ world });
      for (let i = 0; i < 3; i += 1) {
        world.socket.ends(1006);
        await world.advance(30_000);
      }
      world.socket.ends(1006);
      const before = states.at(-1).nextTryAt;
      await world.happens(event);
      assert.equal(states.at(-1).nextTryAt, world.wall + 900);
      await world.advance(600);
      await world.happens(event);
      assert.ok(states.at(-1).nextTryAt <= world.wall + 300 && states.at(-1).nextTryAt < before);
    });
  }

  it("is what the app may ask for at once, unless the node asked to wait", async () => {
    const world = new World();
    world.dice = 0.9;
    const { gateway } = await connected({ world });
    world.socket.ends(1006);
    gateway.connect();
    await world.advance(0);
    assert.equal(world.sockets.length, 2);
    await world.advance(5_000);
    assert.equal(world.sockets.length, 2, "and not once more when the wait would have been over");

    await welcome(world);
    world.socket.says({ type: "drain", within: 1_000, reconnect_after: 8_000 });
    gateway.connect();
    await world.advance(7_000);
    assert.equal(world.sockets.length, 2);
  });

  it("does not hammer when events come in storms", async () => {
    const world = new World();
    world.dice = 0.5;
    await connected({ world });
    world.socket.ends(1006);
    for (let i = 0; i < 50; i += 1) {
      await world.happens("hidden");
      await world.happens("visible");
    }
    await world.advance(499);
    assert.equal(world.sockets.length, 1);
    await world.advance(1);
    assert.equal(world.sockets.length, 2);
  });

  it("takes a change of the network for the end of the old way", async () => {
    const { world, states } = await connected();
    await world.happens("online");

    assert.equal(states.at(-1).reason, "network_changed");
    await world.advance(500);
    assert.equal(world.sockets.length, 2);
  });

  it("leaves a page that goes to the back/forward cache, and returns with it", async () => {
    const { world, states } = await connected();
    await world.happens("leave");
    assert.equal(world.socket.closedWith, 1000);
    assert.equal(states.at(-1).reason, "page_hidden");
    await world.advance(120_000);
    assert.equal(world.sockets.length, 1, "nothing is dialled for a page that is gone");

    await world.happens("resume");
    await world.advance(0);
    assert.equal(world.sockets.length, 2);
  });

  it("stays away once the app closed it, until the app says otherwise", async () => {
    const { world, gateway, states } = await connected();
    gateway.close();
    for (const event of ["online", "visible", "resume"]) await world.happens(event);
    await world.advance(120_000);
    assert.equal(world.sockets.length, 1);
    assert.deepEqual([states.at(-1).status, states.at(-1).reason, states.at(-1).willRetry], ["stopped", "closed_by_app", false]);
    assert.equal(world.timers, 0);

    gateway.connect();
    await world.advance(0);
    assert.equal(world.sockets.length, 2);
  });
});

describe("liveness", () => {
  it("answers a ping", async () => {
    const { world } = await connected();
    world.socket.says({ type: "ping", now: START });

    assert.deepEqual(world.socket.sentOf("pong"), [{ type: "pong" }]);
  });

  it("reconnects after interval and grace without a word", async () => {
    const { world, states } = await connected();
    await world.advance(34_999);
    assert.equal(states.at(-1).status, "connected");

    await world.advance(5_001);
    assert.equal(states.at(-1).reason, "no_traffic");
  });

  it("counts any frame as life", async () => {
    const { world, states } = await connected();
    for (let i = 0; i < 5; i += 1) {
      await world.advance(30_000);
      world.socket.says({ type: "unread", count: i });
    }
    assert.equal(states.at(-1).status, "connected");
  });

  it("notices that the device slept, within seconds of waking", async () => {
    const { world, states } = await connected();
    world.sleep(600_000);
    await world.advance(5_000);

    assert.equal(states.at(-1).reason, "woke_up");
  });

  it("looks at once when the tab comes to the front", async () => {
    const { world, states } = await connected();
    world.sleep(600_000);
    await world.happens("visible");

    assert.equal(states.at(-1).reason, "woke_up");
  });

  it("is not put off by somebody who sets the clock back", async () => {
    const { world, states } = await connected();
    world.wall -= 3_600_000;
    await world.advance(20_000);
    world.socket.says({ type: "ping", now: START });
    await world.advance(30_000);
    assert.equal(states.at(-1).status, "connected");

    await world.advance(10_000);
    assert.equal(states.at(-1).reason, "no_traffic");
  });

  it("hears nothing any more from a connection that it let go of", async () => {
    const { world, gateway } = await connected();
    const old = world.socket;
    world.socket.ends(1006);
    await world.advance(500);
    await welcome(world);
    old.says({ type: "message", op: "show", message: banner() });

    assert.equal(gateway.getSnapshot().messages.length, 0);
  });
});

describe("what the node says", () => {
  const nonsense = ["", "{", "null", "7", '"text"', "[]", "[null, 7]", "{}", '{"type": 7}', '{"type":"from_the_future"}', "[[]]"];
  for (const text of nonsense) {
    it(`is let pass when it is ${JSON.stringify(text)}`, async () => {
      const { world, states } = await connected();
      world.socket.says(text);
      world.socket.says({ type: "message", op: "show" });
      world.socket.says({ type: "retract" });
      world.socket.says({ type: "bye" });
      world.socket.says({ type: "sync", now: "noon", live: 7 });

      assert.equal(states.at(-1).status, "connected");
    });
  }

  it("may come as an array of frames", async () => {
    const { world, gateway } = await connected();
    world.socket.says([{ type: "unread", count: 3 }, { type: "message", op: "show", message: banner() }]);

    assert.equal(gateway.getSnapshot().unread, 3);
    assert.equal(gateway.getSnapshot().messages.length, 1);
  });

  it("counts only after `welcome`", async () => {
    const { world, gateway } = makeGateway();
    gateway.connect();
    await world.advance(0);
    world.socket.open();
    world.socket.says({ type: "message", op: "show", message: banner() });

    assert.equal(gateway.getSnapshot().messages.length, 0);
    world.socket.says(WELCOME);
    assert.equal(gateway.getSnapshot().connection.status, "connected");
  });

  it("with a heartbeat of nothing does not make the client give up at once", async () => {
    const { world, gateway, states } = makeGateway();
    gateway.connect();
    await welcome(world, { heartbeat: { interval: 0, grace: "x" } });
    await world.advance(4_000);

    assert.equal(states.at(-1).status, "connected");
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { banner, connected, receiptsOf, START, welcome, WELCOME } from "./fakes.js";

describe("receipts", () => {
  it("`received` goes out once per revision, in one frame per quarter second", async () => {
    const { world } = await connected();
    for (const id of ["a", "b", "c"]) world.socket.says({ type: "message", op: "show", message: banner({ id }) });
    world.socket.says({ type: "message", op: "show", message: banner({ id: "a" }) });
    world.socket.says({ type: "message", op: "update", message: banner({ id: "a", revision: 2 }) });
    assert.equal(world.socket.sentOf("receipt").length, 0);
    await world.advance(250);

    assert.equal(world.socket.sentOf("receipt").length, 1);
    assert.deepEqual(receiptsOf(world.socket), ["received a 1", "received b 1", "received c 1", "received a 2"]);
  });

  it("carry the node's time", async () => {
    const { world } = await connected();
    world.socket.says({ type: "message", op: "show", message: banner({ id: "a" }) });
    await world.advance(250);

    assert.equal(world.socket.sentOf("receipt")[0].receipts[0].at, START);
  });

  it("`displayed` needs one second in view, in a visible tab, without a break (A1)", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a" })] });
    const displayed = () => receiptsOf(world.socket).includes("displayed a 1");
    gateway.show("a");
    await world.advance(900);
    await world.happens("hidden");
    await world.advance(20_000);
    world.socket.says({ type: "ping", now: world.wall });
    assert.equal(displayed(), false, "a hidden tab shows nothing");
    await world.happens("visible");
    await world.advance(900);
    gateway.hide("a");
    await world.advance(900);
    assert.equal(displayed(), false, "scrolled away too soon");
    gateway.show("a");
    await world.advance(500);
    gateway.show("a");
    await world.advance(750);
    assert.equal(displayed(), true);
  });

  it("`displayed` counts each revision once", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a" })] });
    gateway.show("a");
    await world.advance(1_500);
    gateway.hide("a");
    gateway.show("a");
    await world.advance(1_500);
    world.socket.says({ type: "message", op: "update", message: banner({ id: "a", revision: 2 }) });
    gateway.show("a");
    await world.advance(1_500);

    assert.deepEqual(receiptsOf(world.socket).filter((line) => line.startsWith("displayed")), ["displayed a 1", "displayed a 2"]);
  });

  it("`displayed` is not said of what was taken off meanwhile, or changed", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a" }), banner({ id: "b" })] });
    gateway.show("a");
    gateway.show("b");
    await world.advance(500);
    world.socket.says({ type: "retract", message: "a", revision: 1, reason: "retracted" });
    world.socket.says({ type: "message", op: "update", message: banner({ id: "b", revision: 2 }) });
    await world.advance(2_000);

    assert.ok(!receiptsOf(world.socket).some((line) => line.startsWith("displayed")));
  });

  it("wait for a connection, and are said again when it broke right after", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "a", content: { actions: [{ id: "more", label: "More", intent: "custom" }] } })] });
    await world.advance(250);
    gateway.click("a", "more");
    world.socket.ends(1006);
    await world.advance(500);
    await welcome(world, { live: [banner({ id: "a" })] });

    assert.deepEqual(receiptsOf(world.socket), ["received a 1", "clicked a 1"]);
  });

  it("`received` is said by each new session for itself", async () => {
    const { world } = await connected({ live: [banner({ id: "a" })] });
    for (let i = 0; i < 3; i += 1) {
      await world.advance(20_000);
      world.socket.says({ type: "ping", now: world.wall });
    }
    world.socket.ends(1006);
    await world.advance(500);
    await welcome(world, { session: "s-2", live: [banner({ id: "a" })] });

    assert.deepEqual(receiptsOf(world.socket), ["received a 1"]);
  });

  it("of long ago are not said again", async () => {
    const { world } = await connected({ live: [banner({ id: "a" })] });
    await world.advance(250);
    for (let i = 0; i < 3; i += 1) {
      await world.advance(20_000);
      world.socket.says({ type: "ping", now: world.wall });
    }
    world.socket.ends(1006);
    await world.advance(500);
    await welcome(world);
    await world.advance(500);

    assert.deepEqual(receiptsOf(world.socket), []);
  });

  it("never grow without bound, and let go of `received` first", async () => {
    const { world, gateway } = await connected({ live: [banner({ id: "kept" })] });
    const live = Array.from({ length: 600 }, (_, i) => banner({ id: `m-${i}` }));
    world.socket.readyState = 3;
    world.socket.says({ type: "sync", now: world.wall, live: [banner({ id: "kept" }), ...live], unread: 0 });
    gateway.dismiss("kept");
    await world.advance(6_000);
    await welcome(world, { live: [] });

    const lines = receiptsOf(world.socket);
    assert.equal(lines.length, 500);
    assert.ok(lines.includes("dismissed kept 1"));
  });

  it("fit into the node's frames, whatever the ids look like", async () => {
    const long = (i) => `${"ж".repeat(120)}${i}`;
    const { world } = await connected({ live: Array.from({ length: 200 }, (_, i) => banner({ id: long(i) })) });
    await world.advance(250);

    const frames = world.socket.sentOf("receipt");
    assert.equal(receiptsOf(world.socket).length, 200);
    assert.ok(frames.length < 20);
    for (const frame of frames) {
      assert.ok(Buffer.byteLength(JSON.stringify(frame)) < 16_384);
      assert.ok(frame.receipts.length <= 100);
    }
  });
});

describe("what the node knows of this tab", () => {
  it("is told when somebody looks away, rests, returns or is busy", async () => {
    const { world, gateway } = await connected();
    await world.happens("hidden");
    await world.happens("idle");
    await world.happens("idle");
    await world.happens("visible");
    gateway.setBusy(true);
    await world.happens("active");

    const states = world.socket.sentOf("state").map(({ type, ...rest }) => rest);
    assert.deepEqual(states, [{ visibility: "hidden" }, { activity: "idle" }, { visibility: "visible" }, { busy: true }, { activity: "active" }]);
  });

  it("is told after connecting what changed meanwhile", async () => {
    const { world, gateway } = await connected();
    world.socket.ends(1006);
    gateway.setBusy(true);
    await world.advance(500);
    world.socket.open();
    await world.happens("hidden");
    await world.navigates("https://shop.example/cart");
    world.socket.says(WELCOME);

    assert.deepEqual(world.socket.sent.slice(-2), [
      { type: "state", visibility: "hidden", busy: true },
      { type: "page", url: "https://shop.example/cart", title: "" },
    ]);
  });

  it("each navigation is told, once", async () => {
    const { world } = await connected();
    await world.navigates("https://shop.example/a", "A");
    await world.advance(250);
    await world.navigates("https://shop.example/a", "A");
    await world.advance(250);
    await world.navigates("https://shop.example/b", "B");

    assert.deepEqual(world.socket.sentOf("page"), [
      { type: "page", url: "https://shop.example/a", title: "A" },
      { type: "page", url: "https://shop.example/b", title: "B" },
    ]);
  });

  it("an app that rewrites its address all the time is not cut off for it", async () => {
    const { world } = await connected();
    for (let i = 0; i < 100; i += 1) {
      await world.navigates(`https://shop.example/?scroll=${i}`);
      await world.advance(10);
    }
    await world.advance(250);

    const pages = world.socket.sentOf("page");
    assert.ok(pages.length <= 6, `${pages.length} frames`);
    assert.equal(pages.at(-1).url, "https://shop.example/?scroll=99");
  });

  it("an app may say itself where it is", async () => {
    const { world, gateway } = await connected({ options: { trackPages: false } });
    assert.ok(!("page" in world.socket.sent[0]));
    await world.navigates("https://shop.example/secret");
    gateway.setPage("/products/7", "Kettle");

    assert.deepEqual(world.socket.sentOf("page"), [{ type: "page", url: "/products/7", title: "Kettle" }]);
  });

  it("too long an address keeps its path", async () => {
    const { world } = await connected();
    await world.navigates(`https://shop.example/cart?q=${"x".repeat(3_000)}`, "t".repeat(600));

    const [page] = world.socket.sentOf("page");
    assert.equal(page.url, "https://shop.example/cart");
    assert.equal(page.title.length, 512);
  });

  it("a title with half an emoji or a control character is made whole: the node would refuse the frame", async () => {
    const { world } = await connected({ options: { locale: `e\u0000n${"x".repeat(200)}` } });
    await world.navigates("https://shop.example/a", `\u0001Tea ${"🍵".repeat(300)}`);

    const [{ title }] = world.socket.sentOf("page");
    assert.ok(title.startsWith(" Tea 🍵") && title.isWellFormed() && title.length <= 512);
    assert.equal(world.socket.sent[0].locale, `e n${"x".repeat(125)}`);
  });
});

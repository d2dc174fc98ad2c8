import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ServerClock } from "../src/clock.js";

/** A device whose clock is 7 s behind the node's, and whose monotonic clock started at 1 s. */
function makeDevice() {
  const device = { wall: 1_000_000, uptime: 1_000, now: () => device.wall, monotonic: () => device.uptime };
  const node = () => device.uptime + 999_000 + 7_000;
  const pass = (milliseconds) => {
    device.wall += milliseconds;
    device.uptime += milliseconds;
  };
  return { device, node, pass, clock: new ServerClock(device) };
}

const close = (clock, node, within) => assert.ok(Math.abs(clock.now() - node()) <= within, `${clock.now() - node()} ms off`);

describe("the node's time", () => {
  it("is the device's own until the node says otherwise", () => {
    const { clock, device } = makeDevice();
    assert.equal(clock.now(), device.wall);
  });

  it("is known within half a round trip after `welcome`", () => {
    const { clock, node, pass } = makeDevice();
    pass(100);
    const said = node();
    pass(100);
    clock.restart(said, 200);

    close(clock, node, 0);
  });

  it("a slow answer is the node's own work, not the way: half a second at most", () => {
    const { clock, node } = makeDevice();
    clock.restart(node(), 9_000);

    close(clock, node, 500);
  });

  it("late pings do not set it back: the quickest one counts", () => {
    const { clock, node, pass } = makeDevice();
    clock.restart(node(), 0);
    for (const delay of [900, 2_000, 50, 3_000]) {
      const said = node();
      pass(delay);
      clock.sample(said);
      close(clock, node, 0);
    }
  });

  it("follows a clock that drifts: old estimates go", () => {
    const { clock, device, node, pass } = makeDevice();
    clock.restart(node(), 0);
    for (let i = 0; i < 20; i += 1) {
      pass(25_000);
      device.uptime += 100;
      device.wall += 100;
      clock.sample(node() - 100 * (i + 1));
    }
    assert.ok(clock.now() <= node() - 1_200, "the first estimate is long out of date");
  });

  it("cannot be set back with the device's clock", () => {
    const { clock, device, node, pass } = makeDevice();
    clock.restart(node(), 0);
    device.wall -= 3_600_000;
    pass(1_000);

    close(clock, node, 0);
    assert.equal(clock.isInDoubt, false);
  });

  it("goes on while the device sleeps, and is in doubt until the node speaks", () => {
    const { clock, device, node } = makeDevice();
    clock.restart(node(), 0);
    const before = clock.now();
    device.wall += 600_000;
    assert.equal(clock.now(), before + 600_000);
    assert.equal(clock.isInDoubt, true);

    clock.sample(before + 600_000);
    assert.equal(clock.now(), before + 600_000);
    assert.equal(clock.isInDoubt, false);
  });

  for (const nonsense of [undefined, null, "noon", NaN, Infinity, {}]) {
    it(`is not what the node did not say: ${String(nonsense)}`, () => {
      const { clock, node } = makeDevice();
      clock.restart(node(), 0);
      clock.sample(nonsense);
      clock.restart(nonsense, 10);

      close(clock, node, 0);
    });
  }
});

//! Rooms whose turns are skipped: what is recorded of them stays in its time.

use super::*;

#[test]
fn a_rooms_recording_has_silence_for_turns_that_did_not_take_place() {
    for skipped in [1, 3, 4, 12, 100] {
        let mut rig = hall();
        let mut a = come(&mut rig, 0, setup());
        let mut b = come(&mut rig, 1, setup());
        let (ring, out) = RingBuffer::new(1_000_000);
        let order = Recording::new("room.wav");
        let recorder = Recorder::new((id(0), 1), ring, Rate::NARROW, &order, Default::default());
        rig.order(Order::Room(ROOM, RoomOrder::Record(Box::new(recorder), None)));
        choir(&mut rig, &mut [&mut a, &mut b], 200);
        rig.due(skipped);
        rig.slots((100 - skipped) + 3);
        choir(&mut rig, &mut [&mut a, &mut b], 300);
        // The slot itself, those that were given up, and those after it.
        let slots = 40 + 1 + 100 + 3 + 60;
        assert_eq!(out.slots(), 160 * slots / 4, "{skipped} slots");
    }
}

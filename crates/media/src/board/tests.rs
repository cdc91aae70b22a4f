//! Which worker legs come to, and where what is sent to them goes.

use super::*;
use crate::leg::Leg;

fn board(workers: usize, places: usize, orders: usize) -> Board {
    let mailboxes = (0..workers).map(|_| Arc::new(Mailbox::new(orders))).collect();
    Board::new(mailboxes, places, SOME)
}

fn setup() -> LegSetup {
    crate::worker::tests::setup()
}

#[test]
fn a_second_worker_is_woken_when_the_first_has_some_legs() {
    let board = board(2, 1_000, 1);
    let setup = setup();
    let all: Vec<LegId> = (0..2 * SOME + 100).map(|_| board.place(&setup, None).unwrap()).collect();
    assert!(all[..SOME].iter().all(|id| id.home == 0));
    assert!(all[SOME..2 * SOME].iter().all(|id| id.home == 1));
    let rest = all[2 * SOME..].iter().filter(|id| id.home == 0).count();
    assert_eq!(rest, 50, "beyond that they share");
    board.withdraw(all[3]);
    board.withdraw(all[4]);
    for id in &all[2 * SOME..] {
        board.withdraw(*id);
    }
    assert_eq!(board.place(&setup, None).unwrap().home, 0);
}

#[test]
fn every_place_is_given_once() {
    let board = board(2, 3, 1);
    let setup = setup();
    let mut all: Vec<LegId> = (0..3).map(|_| board.place(&setup, None).unwrap()).collect();
    assert!(matches!(board.place(&setup, None), Err(Error::Busy)));
    all.sort_unstable_by_key(|id| id.place);
    all.dedup_by_key(|id| id.place);
    assert_eq!(all.len(), 3, "of all workers: a leg keeps it when it moves");
    board.withdraw(all[1]);
    let again = board.place(&setup, None).unwrap();
    assert_eq!((again.place, again.generation), (all[1].place, 1));
}

/// Which tags a worker is asked to stop, and how many legs it is to give away.
fn orders(board: &Board, worker: usize) -> (Vec<u64>, usize) {
    let (mut stops, mut moves) = (Vec::new(), 0);
    while let Some(order) = board.mailboxes[worker].pop() {
        match order {
            Order::Stop(_, tag) => stops.push(tag),
            Order::Move(..) => moves += 1,
            _ => panic!("another order"),
        }
    }
    (stops, moves)
}

/// Two legs, of which the second is at the second worker.
fn apart(board: &Board) -> [LegId; 2] {
    let setup = setup();
    let first = board.place(&setup, None).unwrap();
    (1..SOME).for_each(|_| assert!(board.place(&setup, None).is_ok()));
    [first, board.place(&setup, None).unwrap()]
}

#[test]
fn orders_for_a_leg_that_moves_follow_it_in_their_order() {
    let board = board(2, 300, 3);
    let [first, other] = apart(&board);
    let one = board.place(&setup(), Some(other)).unwrap();
    assert!(matches!(board.send(other, Order::Stop(other, 1)), Sent::Done));
    board.withdraw(LegId { home: 0, place: 7, generation: 0 });
    board.bring_together(first, other);
    assert_eq!(orders(&board, 1), (vec![1], 1), "what came before goes before");
    assert_eq!(
        board.whereabouts(other),
        Some(Whereabouts::MovesTo(0)),
        "to the first, which has few legs again"
    );
    board.bring_together(other, one);
    assert_eq!(orders(&board, 1), (vec![], 0), "who moves is not moved again");
    for tag in 2..7 {
        assert!(matches!(board.send(other, Order::Stop(other, tag)), Sent::Done));
    }
    assert_eq!((orders(&board, 0), orders(&board, 1)), ((vec![], 0), (vec![], 0)));
    board.moved(other, 0);
    assert!(matches!(board.send(other, Order::Stop(other, 7)), Sent::Done));
    assert_eq!(orders(&board, 0), (vec![2, 3, 4], 0), "as many as there is room for");
    board.resend();
    assert_eq!(orders(&board, 0), (vec![5, 6, 7], 0));
    assert!(matches!(board.send(other, Order::Stop(other, 8)), Sent::Done));
    assert_eq!(orders(&board, 0), (vec![8], 0));
}

#[test]
fn who_has_fewer_legs_gets_the_other_and_one_that_could_not_move_has_its_orders_where_it_is() {
    let board = board(2, 600, 3);
    let [one, other] = apart(&board);
    (0..SOME).for_each(|_| assert!(board.place(&setup(), Some(other)).is_ok()));
    board.bring_together(one, other);
    assert_eq!((orders(&board, 0).1, orders(&board, 1).1), (0, 1));
    assert!(matches!(board.send(other, Order::Stop(other, 1)), Sent::Done));
    board.moved(other, 1);
    assert_eq!((orders(&board, 0).0, orders(&board, 1).0), (vec![], vec![1]));
    assert_eq!(board.whereabouts(other), Some(Whereabouts::At(1)));
    // A full mailbox: they stay apart, and it is reached as ever.
    (0..3).for_each(|tag| drop(board.send(other, Order::Stop(other, tag))));
    board.bring_together(one, other);
    assert_eq!((board.whereabouts(other), orders(&board, 1)), (Some(Whereabouts::At(1)), (vec![0, 1, 2], 0)));
}

#[test]
fn what_was_to_follow_a_leg_that_is_over_comes_back() {
    let board = board(2, 300, 3);
    let [one, other] = apart(&board);
    board.bring_together(one, other);
    assert!(matches!(board.send(one, Order::Stop(one, 1)), Sent::Done));
    assert!(matches!(board.send(other, Order::Stop(other, 1)), Sent::Done));
    let report = Leg::new(one, setup(), "x".into(), std::time::Duration::ZERO, 1).report();
    let ended = [one, other].map(|leg| board.released(leg, report));
    assert_eq!(ended.iter().map(|ended| ended.held.len()).sum::<usize>(), 1);
    assert!(ended.iter().all(|ended| ended.told));
    board.moved(one, 1);
    board.moved(other, 0);
    assert!(matches!(board.send(one, Order::Stop(one, 2)), Sent::NoLeg));
}

#[test]
fn the_end_of_a_leg_that_waited_for_a_recording_that_never_was_is_told_once() {
    let board = board(1, 4, 4);
    let leg = board.place(&setup(), None).unwrap();
    let report = Leg::new(leg, setup(), "offhook".into(), std::time::Duration::ZERO, 7).report();
    board.recording_begins(leg);
    assert!(!board.released(leg, report).told, "a recording is counted");
    assert!(matches!(board.send(leg, Order::Stop(leg, 1)), Sent::NoLeg), "as its order is told");
    assert!(board.untold().is_empty());
    board.never_recorded(leg);
    assert_eq!(board.untold().iter().map(|(over, _)| *over).collect::<Vec<_>>(), [leg]);
    assert!(board.untold().is_empty() && board.last_report(leg).is_none());
    // One that is not over has nothing to tell.
    let other = board.place(&setup(), None).unwrap();
    board.recording_begins(other);
    board.never_recorded(other);
    assert!(board.untold().is_empty());
}

#[test]
fn what_must_arrive_waits_for_room_and_what_comes_after_it_waits_behind_it() {
    let board = board(1, 3, 2);
    let leg = board.place(&setup(), None).unwrap();
    let other = board.place(&setup(), None).unwrap();
    for tag in [1, 2] {
        assert!(matches!(board.send(other, Order::Stop(other, tag)), Sent::Done));
    }
    assert!(matches!(board.send(leg, Order::Stop(leg, 9)), Sent::Full(_)), "it may be refused");
    assert!(board.post(leg, Order::Stop(leg, 3)) && board.post(leg, Order::Stop(leg, 4)));
    assert!(matches!(board.send(leg, Order::Stop(leg, 5)), Sent::Done));
    assert_eq!(orders(&board, 0), (vec![1, 2], 0));
    assert!(board.resend(), "there is room for two");
    assert_eq!(orders(&board, 0), (vec![3, 4], 0));
    assert!(!board.resend());
    assert_eq!((orders(&board, 0), board.whereabouts(leg)), ((vec![5], 0), Some(Whereabouts::At(0))));
    assert!(matches!(board.send(leg, Order::Stop(leg, 6)), Sent::Done));
    assert_eq!(orders(&board, 0).0, [6], "at once again");
    board.withdraw(leg);
    assert!(!board.post(leg, Order::Stop(leg, 7)));
}

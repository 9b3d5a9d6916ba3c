//! Where figures are asked for and put. Asking costs the loop one look at a flag in each turn.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::figures::Figures;

/// Between those who ask and the loop.
pub(super) struct Board {
    asked: AtomicBool,
    state: Mutex<BoardState>,
    /// Wakes the loop.
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct BoardState {
    /// How often somebody asked, and how often when the loop last looked.
    asked: u64,
    seen: u64,
    /// Everybody who asked before has these.
    answered: u64,
    figures: Arc<Figures>,
}

/// Which of all askings one was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket(u64);

impl Board {
    /// Nobody has asked.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Board {
        Board { asked: AtomicBool::new(false), state: Mutex::default(), wake: Box::new(wake) }
    }

    fn lock(&self) -> MutexGuard<'_, BoardState> {
        // Every change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the figures as they are from now on.
    pub fn ask(&self) -> Ticket {
        let mut state = self.lock();
        state.asked += 1;
        let ticket = Ticket(state.asked);
        drop(state);
        self.call();
        ticket
    }

    /// Calls the loop, which then looks what is asked.
    pub fn call(&self) {
        self.asked.store(true, Ordering::Release);
        (self.wake)();
    }

    /// The figures that were made after that was asked, once they are there.
    pub fn answer(&self, Ticket(asked): Ticket) -> Option<Arc<Figures>> {
        let state = self.lock();
        (state.answered >= asked).then(|| state.figures.clone())
    }

    /// Whether somebody has asked since the last call.
    pub fn is_asked(&self) -> bool {
        if !self.asked.load(Ordering::Relaxed) || !self.asked.swap(false, Ordering::AcqRel) {
            return false;
        }
        let mut state = self.lock();
        state.seen = state.asked;
        true
    }

    /// Answers whoever has asked before [`Board::is_asked`] said so.
    pub fn put(&self, figures: Figures) {
        let mut state = self.lock();
        state.figures = Arc::new(figures);
        state.answered = state.seen;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_gets_figures_that_are_made_after_that() {
        let board = Board::new(|| {});
        assert!(!board.is_asked());
        let first = board.ask();
        assert!(board.answer(first).is_none());
        assert!(board.is_asked() && !board.is_asked());
        // While the loop counts, somebody else asks.
        let second = board.ask();
        board.put(Figures { lines: 1, ..Figures::default() });
        assert_eq!(board.answer(first).map(|figures| figures.lines), Some(1));
        assert!(board.answer(second).is_none());
        assert!(board.is_asked());
        board.put(Figures { lines: 2, ..Figures::default() });
        assert_eq!(board.answer(second).map(|figures| figures.lines), Some(2));
    }
}

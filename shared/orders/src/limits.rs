//! How much a consumer keeps.

/// How much a consumer keeps. Room for all of it is made in advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Orders that can be open at one time: at least what the engine grants, and one more for an order on its way through.
    pub open_orders: u32,
    /// Orders that are done and still known, the last ones of the day.
    pub done_orders: u32,
    /// Executions that are still known, the last ones of the day; at least one.
    pub executions: u32,
    /// Price levels, over all books: grows when it must.
    pub levels: u32,
    /// Instruments: grows when it must.
    pub instruments: u32,
    /// Sessions: grows when it must.
    pub sessions: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open_orders: (1 << 18) + 1,
            done_orders: 1 << 16,
            executions: 1 << 16,
            levels: 1 << 17,
            instruments: 4096,
            sessions: 4096,
        }
    }
}

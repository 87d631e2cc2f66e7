//! What clients were told, compared with what the log and the journal of events hold.

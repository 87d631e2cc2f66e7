//! Refusals: each names the file, the line and the reason.

use super::DescriptionError;
use std::path::Path;
use toml::Spanned;

/// Makes refusals of one file.
pub(super) struct Refusals<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Refusals<'_> {
    /// At this byte of the text.
    pub(super) fn at(&self, offset: usize, reason: impl Into<String>) -> DescriptionError {
        let line = self.text[..offset.min(self.text.len())].matches('\n').count() + 1;
        DescriptionError::Refused { path: self.path.to_owned(), line, reason: reason.into() }
    }

    /// Where this value stands.
    pub(super) fn of<T>(&self, value: &Spanned<T>, reason: impl Into<String>) -> DescriptionError {
        self.at(value.span().start, reason)
    }

    /// At the first line that holds this text: for values whose place the parser did not keep.
    pub(super) fn near(&self, key: &str, reason: impl Into<String>) -> DescriptionError {
        self.at(self.text.find(key).unwrap_or(0), reason)
    }

    /// Where a section gives the key its value, or where the section begins.
    pub(super) fn within(&self, section: &str, key: &str, reason: impl Into<String>) -> DescriptionError {
        let mut begin = None;
        let mut offset = 0;
        for line in self.text.split_inclusive('\n') {
            let text = line.trim_start();
            if text.starts_with('[') {
                if begin.is_some() {
                    break;
                }
                begin = text.starts_with(&format!("[{section}]")).then_some(offset);
            } else if begin.is_some()
                && text.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
            {
                return self.at(offset, reason);
            }
            offset += line.len();
        }
        self.at(begin.unwrap_or(0), reason)
    }
}

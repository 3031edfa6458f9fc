//! The one place that knows sea-orm.

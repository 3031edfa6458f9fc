//! What the steps make tables of: every column takes no NULL unless it says so.

use sea_orm_migration::prelude::*;

/// How the rows of a customer name it.
pub(super) const CUSTOMER_COLUMNS: [&str; 2] = ["portal_id", "customer_id"];

pub(super) fn text(name: &'static str) -> ColumnDef {
    column(name, ColumnType::Text)
}

pub(super) fn int(name: &'static str) -> ColumnDef {
    column(name, ColumnType::Integer)
}

pub(super) fn big(name: &'static str) -> ColumnDef {
    column(name, ColumnType::BigInteger)
}

pub(super) fn bytes(name: &'static str) -> ColumnDef {
    column(name, ColumnType::VarBinary(StringLen::None))
}

pub(super) fn uuid(name: &'static str) -> ColumnDef {
    column(name, ColumnType::Uuid)
}

pub(super) fn column(name: &'static str, kind: ColumnType) -> ColumnDef {
    let mut column = ColumnDef::new_with_type(name, kind);
    column.not_null();
    column
}

pub(super) fn null(mut column: ColumnDef) -> ColumnDef {
    column.null();
    column
}

pub(super) fn table<const N: usize>(
    name: &'static str,
    columns: impl IntoIterator<Item = ColumnDef>,
    primary_key: [&'static str; N],
) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(name);
    for mut column in columns {
        table.col(&mut column);
    }
    let mut key = Index::create();
    for column in primary_key {
        key.col(column);
    }
    table.primary_key(&mut key);
    table
}

/// A table whose rows belong to a customer and go with them.
pub(super) fn customer_table<const N: usize>(
    name: &'static str,
    columns: impl IntoIterator<Item = ColumnDef>,
    primary_key: [&'static str; N],
) -> TableCreateStatement {
    let mut table = table(name, CUSTOMER_COLUMNS.map(text).into_iter().chain(columns), primary_key);
    let mut owner = ForeignKey::create();
    owner
        .from(name, ("portal_id", "customer_id"))
        .to("customer", ("portal_id", "id"))
        .on_delete(ForeignKeyAction::Cascade);
    table.foreign_key(&mut owner);
    table
}

pub(super) fn index(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}

pub(super) fn unique(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    index(name, table, columns).unique().take()
}

/// A column that older programs know nothing of: it takes NULL.
pub(super) async fn add_column(
    manager: &SchemaManager<'_>,
    name: &'static str,
    mut column: ColumnDef,
) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(name).add_column(&mut column).take()).await
}

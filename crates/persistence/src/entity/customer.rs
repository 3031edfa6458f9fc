use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "customer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub portal_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub email: String,
    pub display_name: String,
    pub suspended_at: Option<i64>,
    pub generation: i64,
    pub password_hash: Option<Vec<u8>>,
    pub password_revision: i64,
    pub foreign_hash_micros: Option<i64>,
    pub code_charges: i32,
    pub code_failures: i32,
    pub code_charged_at: Option<i64>,
    pub code_locked_until: Option<i64>,
    pub last_sign_in_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
    pub revision: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

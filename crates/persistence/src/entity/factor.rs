use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "factor")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub portal_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub customer_id: String,
    pub id: Uuid,
    pub secret: Vec<u8>,
    pub algorithm: String,
    pub digits: i32,
    pub period_seconds: i32,
    pub accepted_step: i64,
    pub enabled_at: i64,
    pub last_used_at: Option<i64>,
    pub enabled_by_sign_in_id: Option<Uuid>,
    pub enabled_by_session_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

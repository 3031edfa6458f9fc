use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "enrollment")]
pub struct Model {
    pub portal_id: String,
    pub customer_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub sign_in_id: Option<Uuid>,
    pub session_id: Option<Uuid>,
    pub secret: Vec<u8>,
    pub algorithm: String,
    pub digits: i32,
    pub period_seconds: i32,
    pub charges: i32,
    pub failures: i32,
    pub charged_at: Option<i64>,
    pub verified_step: Option<i64>,
    pub created_at: i64,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

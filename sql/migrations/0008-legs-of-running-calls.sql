-- How both sides of a call that has run for some seconds are reached (JSON of rating/keeper/legs.py): a keeper of another
-- node ends it when its edge is dead.
-- depends: 0007-operators

ALTER TABLE hold ADD COLUMN legs VARCHAR(2000) NULL;

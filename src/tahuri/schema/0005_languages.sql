-- Which languages an operator speaks: a call that asks for one is offered to them first.

alter table accounts add column languages text[] not null default '{}';

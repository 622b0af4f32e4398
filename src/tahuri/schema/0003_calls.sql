-- How calls are found: by caller and by recording.

create index calls_by_caller on view_rows (city_id, (body ->> 'caller')) where view = 'call';
create index calls_by_recording on view_rows (city_id, (body #>> '{recording,recording_id}'))
    where view = 'call';

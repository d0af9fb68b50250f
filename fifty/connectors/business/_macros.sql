-- Read before any mapping of this platform: the cells of a list are separated by |.
create or replace temp macro split_list(cell) as
    list_filter(list_transform(string_split(cell, '|'), lambda part: trim(part)), lambda part: part <> '');

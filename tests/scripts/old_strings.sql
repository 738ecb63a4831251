set standard_conforming_strings = off;
set escape_string_warning = off;
select 'it\'s; \\', 'a';
set standard_conforming_strings = on;
select '\', ';';

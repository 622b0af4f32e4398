"""City packs: a folder of tables and map data that makes Tahuri the centre of one city.

``pack.load_pack`` reads one and says all that is wrong with it; ``roads`` answers travel times and
``layers`` writes the map.  No database, no clock.  The format: ``docs/city-pack.md``.
"""

# SPDX-License-Identifier: GPL-2.0
# The plot of tools/bench-rmap, from its *.dat. Of structures: entries, and
# nanoseconds to insert, to find a first byte, to find an interior one, to find none,
# and to remove. Of requests: KiB, and nanoseconds by dma_map_sg(), in two steps, and
# by dma_map_sg() on the device behind the IOMMU, 0 if there is none.
set terminal svg size 1320,860 dynamic background "white" font "sans,13"
set output "plot.svg"
set multiplot layout 2,3 title "dma\\_rmap beside other ways: nanoseconds of an \
operation, less is better (in a guest; the last one in user space)"
set logscale x 10
set logscale y 2
set format x "10^{%L}"
set xrange [700:14000000]
set xlabel "entries"
set ylabel "ns"
set grid
set key outside bottom center horizontal Left reverse samplen 2 width 1
set style data linespoints
set pointsize 0.6

guest = "table xarray rht maple"
native = "table lfht"
title_of(name) = name eq "table" ? "dma\\_rmap" : name eq "rht" ? "rhashtable" : \
	name eq "maple" ? "maple tree" : name eq "lfht" ? "liburcu's lfht" : name
there(file) = system("test -s ".file." && echo 1 || echo 0") + 0
width_of(name) = name eq "table" ? 3 : 1.5
number(name) = name eq "table" ? 7 : name eq "xarray" ? 6 : name eq "rht" ? 2 : \
	name eq "maple" ? 4 : 3
# Of what was not measured there is one point without a place; where nothing was, a
# line that is not seen, for without any gnuplot gives up.
set print "none.dat"
print "1000 NaN NaN NaN NaN NaN"
set print
or_none(name) = there(name) ? name : "none.dat"
file(where, name) = or_none(where."-".name.".dat")
none(name) = there(name) ? NaN : 16
any(where) = none(where."-table.dat")
seen(where, name) = there(where."-".name.".dat") ? title_of(name) : ""
not_here(name) = there(name) ? "" : " (not measured)"

set title "find an address inside a mapping".not_here("guest-table.dat")
plot any("guest") lc rgb "#ffffffff" notitle, \
	for [name in guest] file("guest", name) using 1:4 lw width_of(name) \
	lt number(name) title seen("guest", name)
set title "find out that an address is not mapped".not_here("guest-table.dat")
plot any("guest") lc rgb "#ffffffff" notitle, \
	for [name in guest] file("guest", name) using 1:5 lw width_of(name) \
	lt number(name) title seen("guest", name)

set title "map and unmap a request".not_here("request-1.dat")
set format x "%g"
set logscale x 4
set xrange [3:1400]
set xlabel "KiB; (16): in runs of 16 pages"
set key inside top left vertical Left reverse samplen 3
sg(run) = or_none("request-".run.".dat")
called(run, name) = there("request-".run.".dat") ? name : ""
behind(x) = x > 0 ? x : NaN
plot none("request-1.dat") lc rgb "#ffffffff" notitle, \
	sg("1") using 1:3 lw 3 lt 7 title called("1", "two-step"), \
	sg("16") using 1:3 lw 3 lt 7 dt 2 title called("16", "two-step (16)"), \
	sg("1") using 1:2 lw 1.5 lt 6 title called("1", "dma\\_map\\_sg"), \
	sg("16") using 1:2 lw 1.5 lt 6 dt 2 title called("16", "dma\\_map\\_sg (16)"), \
	sg("1") using 1:(behind($4)) lw 1.5 lt 4 title called("1", "same, IOMMU"), \
	sg("16") using 1:(behind($4)) lw 1.5 lt 4 dt 2 \
	title called("16", "same, IOMMU (16)")
set format x "10^{%L}"
set logscale x 10
set xrange [700:14000000]
set xlabel "entries"
set key outside bottom center horizontal Left reverse samplen 2 width 1

set title "insert".not_here("guest-table.dat")
plot any("guest") lc rgb "#ffffffff" notitle, \
	for [name in guest] file("guest", name) using 1:2 lw width_of(name) \
	lt number(name) title seen("guest", name)
set title "remove".not_here("guest-table.dat")
plot any("guest") lc rgb "#ffffffff" notitle, \
	for [name in guest] file("guest", name) using 1:6 lw width_of(name) \
	lt number(name) title seen("guest", name)
set title "find, in user space".not_here("native-table.dat")
plot any("native") lc rgb "#ffffffff" notitle, \
	for [name in native] file("native", name) using 1:4 lw width_of(name) \
	lt number(name) title seen("native", name)
unset multiplot
